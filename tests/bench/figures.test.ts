import { expect, test } from 'bun:test';
import { latencies } from '../../bench/harness/latencies.ts';
import { cpuNs, residentBytes } from '../../bench/harness/process-cost.ts';
import { spreadOf, table, verdict, type Goal } from '../../bench/harness/report.ts';

test('the CPU clock of a process counts a thread that has ended', async () => {
  const program = `
    const spin = 'while (process.cpuUsage().user < 200_000); postMessage(0)';
    const worker = new Worker(URL.createObjectURL(new Blob([spin])));
    await new Promise((resolve) => (worker.onmessage = resolve));
    worker.terminate();
    const { user, system } = process.cpuUsage();
    console.log(user + system);
    await Bun.sleep(60_000);`;
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe' });
  try {
    const { value } = await child.stdout.getReader().read();
    const saidNs = Number(new TextDecoder().decode(value)) * 1000;
    expect(saidNs).toBeGreaterThanOrEqual(200e6);
    const ns = cpuNs(child.pid);
    expect(ns).toBeGreaterThanOrEqual(saidNs);
    expect(ns).toBeLessThan(saidNs + 100e6);
    expect(residentBytes(child.pid)).toBeGreaterThan(5e6);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
  expect(() => cpuNs(child.pid)).toThrow('no process');
});

test('percentiles are those of the sorted latencies', () => {
  const taken = latencies();
  for (let us = 1000; us >= 1; us--) taken.add(us);
  expect(taken.figure()).toEqual({ deliveries: 1000, p50Us: 500, p99Us: 990, p999Us: 999 });
});

test('a spread has the median of an even and of an odd number of values', () => {
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3, pairs: 3 });
  expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, low: 1, high: 4, pairs: 4 });
});

test('a goal is met up to its limit, missed beyond, and not measured without a figure', () => {
  const goal = (bound: Goal['bound'], measured: Goal['measured']): Goal => ({
    question: 'q',
    against: 'control',
    bound,
    limit: 1.1,
    measured,
  });
  expect(verdict(goal('at most', spreadOf([1.1])))).toBe('met');
  expect(verdict(goal('at most', spreadOf([1.11])))).toBe('MISSED');
  expect(verdict(goal('at least', spreadOf([1.1])))).toBe('met');
  expect(verdict(goal('at least', spreadOf([1.09])))).toBe('MISSED');
  expect(verdict(goal('at most', spreadOf([1, 1.05, 1.2])))).toBe(
    'met by the median, not by every pair',
  );
  expect(verdict(goal('at least', spreadOf([0.9, 1.05, 1.2])))).toBe(
    'MISSED by the median, not by every pair',
  );
  expect(verdict({ ...goal('at most', spreadOf([1])), othersCores: 0.05 })).toBe('met');
  expect(verdict({ ...goal('at most', spreadOf([1])), othersCores: 0.5 })).toBe(
    'not judged: others used 0.50 of a core',
  );
  expect(verdict(goal('at most', 'nats-server is not installed'))).toBe('not measured');
});

test('a table lines up', () => {
  expect(
    table(
      ['who', 'n'],
      [
        ['control', '7'],
        ['ws', '123'],
      ],
    ),
  ).toBe(
    ['| who     |   n |', '| ------- | --: |', '| control |   7 |', '| ws      | 123 |'].join('\n'),
  );
});
