import { fileRefusals } from '../../src/players/file-frames.ts';
import type { TransferLimits } from '../../src/players/transfer-ports.ts';
import type { SimClock } from './clock.ts';
import { sha256Of, type SimDisk } from './transfers-disk.ts';
import { hexOf, isLie, type Line, type Spec, type Upload } from './transfers-specs.ts';

/** A file of which the store says that it is whole. */
interface Owed {
  spec: Spec;
  sinceMs: number;
  commit: number;
  /** Its target has it. */
  isHad: boolean;
  isDropped: boolean;
}

/** How long a commit may take: its file is that much older than it looks. */
const commitMs = 5_000;

/** Holds the core to its promises. `broken` is the first that it broke. */
export class TransfersObserver {
  broken: string | undefined;
  readonly specs: Spec[] = [];
  readonly owed = new Map<string, Owed>();
  readonly owners = new Map<string, string>();
  /** What the file of a sender's transferId was called on disk, and may be. */
  private readonly ids = new Map<string, string>();
  private readonly idsMinted = new Map<string, string[]>();
  /** Files that the disk did not give back at once. */
  readonly unreadable = new Set<string>();
  private commits = 0;
  private minted = '';
  /** How often each kind of thing happened: a simulation in which nothing happens proves nothing. */
  readonly seen: Record<string, number> = {};

  constructor(
    private readonly clock: SimClock,
    private readonly disk: SimDisk,
    private readonly limits: TransferLimits,
    private readonly isOnline: (userId: string) => boolean,
  ) {}

  broke(promise: string): void {
    this.broken ??= promise;
  }

  note(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  mint(id: string): void {
    this.minted = id;
  }

  /** A begin is handed to the core, by `hand`. */
  begins(line: Line, spec: Spec, hand: () => void): void {
    const key = keyOf(line, spec.transferId);
    const isTaken = line.uploads.has(key);
    const upload: Upload = {
      spec,
      state: 'asked',
      minted: '',
      accepted: 0,
      told: 0,
      isStored: false,
    };
    if (!isTaken) line.uploads.set(key, upload);
    hand();
    upload.minted = this.minted;
    this.owners.set(this.minted, spec.senderId);
    this.idsMinted.getOrInsertComputed(nameOf(spec), () => []).push(this.minted);
  }

  /** `bytes` of a file are handed to the core. */
  sends(line: Line, transferId: string, bytes: number, hand: () => void): void {
    const upload = line.uploads.get(keyOf(line, transferId));
    const isReady = upload?.state === 'ready';
    if (upload?.state !== 'ending' && upload) upload.accepted += bytes;
    hand();
    if (upload === undefined || line.uploads.get(keyOf(line, transferId)) !== upload) return;
    const { accepted, told, spec } = upload;
    const say = (what: string) => this.broke(`file ${spec.n}: ${what}`);
    if (!isReady && upload.state === 'asked') say('bytes before ready are taken');
    if (accepted > spec.saysSize) say('more bytes than it has are taken');
    if (line.protocol === 2 && accepted - told > this.limits.sizes.creditBytes)
      say('bytes beyond the credit are taken');
  }

  completes(line: Line, transferId: string, hand: () => void): void {
    const upload = line.uploads.get(keyOf(line, transferId));
    if (upload?.state === 'ready') upload.state = 'ending';
    hand();
  }

  /** A sender is told something. */
  told(line: Line, text: string): void {
    const frame = line.protocol === 1 ? legacy(text) : JSON.parse(text);
    const key = keyOf(line, frame.transferId ?? '');
    const upload = line.uploads.get(key);
    this.note(`${frame.type}${frame.message ? `: ${frame.message}` : ''}`);
    const say = (what: string) => this.broke(`${frame.type} to ${line.userId}: ${what}`);
    if (frame.message?.endsWith(fileRefusals.underWay.message)) return;
    if (frame.message?.endsWith(fileRefusals.oneAtATime.message)) return;
    if (frame.type === 'file_failed') return void line.uploads.delete(key);
    // Whoever asks what became of a file that is stored may do so at any time.
    if (upload === undefined && frame.type === 'file_sent')
      return this.isStored(line, frame) ? undefined : say('of a file that is not stored');
    if (upload === undefined) return say('nobody asked');
    const { spec } = upload;
    if (frame.type === 'file_receive_ready') {
      if (upload.state !== 'asked' && !upload.isStored) say('twice');
      this.ready(line, upload, frame.offset ?? 0);
    } else if (frame.type === 'file_progress') {
      if (frame.received > upload.accepted) say('more than came');
      if (frame.received < upload.told + this.limits.sizes.progressBytes) say('too early');
      if (frame.received > (this.disk.files.get(this.idOf(spec))?.bytes.length ?? 0))
        say('more than is written');
      upload.told = frame.received;
    } else if (frame.type === 'file_sent') {
      line.uploads.delete(key);
      if (upload.state !== 'ending') say('before it is complete');
      const id = line.protocol === 1 ? upload.minted : this.idOf(spec);
      const owed = this.owed.get(id);
      if (owed === undefined) say('of a file that is not stored');
      if (owed && owed.spec !== spec) say('of another file');
      if (frame.delivered !== this.isOnline(spec.targetId)) say('a wrong word on who is there');
      if (line.protocol === 2 && frame.sha256 !== sha256Of(spec.content)) say('a wrong hash');
    }
  }

  /** The store has a record. */
  committed(id: string, text: string): void {
    const { state, fileName, safeBytes } = JSON.parse(text);
    const synced = this.disk.files.get(id)?.synced ?? -1;
    if (safeBytes > synced) this.broke(`${fileName}: ${safeBytes} noted, ${synced} synced`);
    if (state !== 'waiting') return;
    const spec = this.specs[Number(fileName.slice(1))]!;
    const file = this.disk.files.get(id);
    const say = (what: string) => this.broke(`${fileName} is stored: ${what}`);
    if (file === undefined || !file.isNamed || file.synced < spec.content.length)
      say('its file is not');
    else if (!sameBytes(file.bytes, spec.content)) say('with other bytes');
    if (isLie(spec)) say(`though it was ${spec.kind}`);
    this.note('stored');
    const commit = (this.commits += 1);
    const sinceMs = this.clock.now();
    this.owed.set(id, { spec, sinceMs, commit, isHad: false, isDropped: false });
  }

  /** A record goes. */
  dropped(id: string): void {
    const owed = this.owed.get(id);
    if (owed === undefined || owed.isDropped) return;
    owed.isDropped = true;
    const isOld = this.clock.now() - owed.sinceMs >= this.limits.keepMs - commitMs;
    if (!owed.isHad && !isOld) this.broke(`file ${owed.spec.n} is thrown away`);
    this.note(owed.isHad ? 'delivered' : 'expired');
  }

  /** A file goes. */
  removed(id: string): void {
    const owed = this.owed.get(id);
    if (owed !== undefined && !owed.isDropped)
      this.broke(`file ${owed.spec.n} goes before its record`);
  }

  /** A target is sent a text or bytes of a file. */
  gives(line: Line, frame: string | Uint8Array): void {
    const say = (what: string) => this.broke(`to ${line.userId}: ${what}`);
    if (typeof frame !== 'string') {
      if (line.framesWaiting > 0) say('a frame on top of another');
      if (frame.length > this.limits.sizes.frameBytesMax) say('a frame too large');
      const id = line.protocol === 2 ? hexOf(frame.subarray(0, 16)) : line.given?.id;
      if (id === undefined || id !== line.given?.id || line.given.isWhole) say('bytes of no file');
      return void line.given?.content.push(frame.slice(line.protocol === 2 ? 16 : 0));
    }
    const { type, transferId: id, fromUserId, fileName, fileSize, sha256 } = JSON.parse(frame);
    const owed = this.owed.get(id);
    if (owed === undefined) return say('a file that nobody sent');
    const { spec } = owed;
    if (fromUserId !== spec.senderId || fileName !== `f${spec.n}`) say('a wrong label');
    if (spec.targetId !== line.userId) say('a file of somebody else');
    if (type === 'file_send_begin') {
      // Protocol 1 says nothing: until the record is gone, its connection may have ended too early.
      if ((owed.isHad && line.protocol === 2) || owed.isDropped) say(`${fileName} again`);
      if (fileSize !== spec.content.length || sha256 !== sha256Of(spec.content))
        say('another size or hash');
      if (owed.commit <= line.lastCommit) say(`${fileName} out of its turn`);
      const before = line.given && this.owed.get(line.given.id);
      const mayStop = line.given?.isWhole || before?.isHad || before?.isDropped;
      if (before && !mayStop && !this.unreadable.has(line.given!.id))
        say(`${fileName} in the middle of another`);
      line.lastCommit = owed.commit;
      line.given = { id, content: [], isWhole: false };
    } else {
      if (line.given?.id !== id || line.given!.isWhole) return say('the end of no file');
      line.given!.isWhole = true;
      if (!sameBytes(Buffer.concat(line.given!.content), spec.content)) say('other bytes');
    }
  }

  /** A target could not be given a file. */
  gaveUp(line: Line): void {
    line.given = undefined;
  }

  /** A target of protocol 2 says so, or all of it was written to one of protocol 1. */
  has(line: Line, id: string): void {
    const owed = this.owed.get(id);
    if (owed?.spec.targetId === line.userId) owed.isHad = true;
  }

  /** Everything in memory is gone; of what a target has, the store may still know nothing. */
  crashed(stored: ReadonlySet<string>): void {
    for (const [id, owed] of this.owed) {
      if (!stored.has(id) && !owed.isDropped) this.broke(`file ${owed.spec.n} is lost`);
      if (stored.has(id)) owed.isHad = false;
    }
  }

  /** What holds at any moment while the program runs. */
  agree(readersMax: number): void {
    const { userBytesMax, totalBytesMax, filesMax, sizes } = this.limits;
    const byOwner = new Map<string, number>();
    for (const [id, { bytes }] of this.disk.files) {
      const owner = this.owners.get(id) ?? 'nobody';
      byOwner.set(owner, (byOwner.get(owner) ?? 0) + bytes.length);
    }
    for (const [owner, bytes] of byOwner)
      if (bytes > userBytesMax) this.broke(`${owner} takes ${bytes} bytes of the disk`);
    if (this.disk.used > totalBytesMax) this.broke(`${this.disk.used} bytes of the disk are taken`);
    if (this.disk.files.size > filesMax) this.broke(`${this.disk.files.size} files`);
    if (this.disk.readsInHand > readersMax) this.broke('more is read than one piece a target');
    let inHand = 0;
    for (const bytes of this.disk.inHand.values()) {
      inHand += bytes;
      if (bytes > Math.max(sizes.creditBytes, this.limits.legacyBytesMax))
        this.broke(`${bytes} bytes of a file in memory`);
    }
    if (inHand > this.limits.memoryBytesMax) this.broke(`${inHand} bytes of files in memory`);
  }

  private ready(line: Line, upload: Upload, offset: number): void {
    const { spec, minted } = upload;
    const say = (what: string) => this.broke(`file ${spec.n} is ready at ${offset}: ${what}`);
    const id = this.idsMinted.get(nameOf(spec))!.findLast((one) => this.disk.files.has(one));
    if (line.protocol === 2 && id !== undefined) this.ids.set(nameOf(spec), id);
    const file = this.disk.files.get(line.protocol === 2 ? this.idOf(spec) : minted);
    if (file === undefined) say('without a file');
    if (offset > (file?.synced ?? 0)) say(`${file?.synced} synced`);
    if (file && !sameBytes(file.bytes.subarray(0, offset), spec.content.subarray(0, offset)))
      if (spec.kind !== 'corrupt' && spec.kind !== 'early') say('over other bytes');
    if (offset > 0) this.note('resumed');
    upload.state = 'ready';
    upload.accepted = upload.told = offset;
    upload.isStored = line.protocol === 2 && this.owed.has(this.idOf(spec));
    const underWay = [...line.uploads.values()].filter(
      ({ state, isStored }) => state !== 'asked' && !isStored,
    );
    if (underWay.length > this.limits.perUserMax) say(`${underWay.length} at a time`);
  }

  private isStored(line: Line, { transferId, sha256 }: any): boolean {
    return this.owed.values().some(({ spec, isDropped }) => {
      const isIt = spec.senderId === line.userId && spec.transferId === transferId;
      return isIt && !isDropped && sha256Of(spec.content) === sha256;
    });
  }

  private idOf(spec: Spec): string {
    return this.ids.get(nameOf(spec)) ?? '';
  }
}

function nameOf({ senderId, transferId }: Spec): string {
  return `${senderId} ${transferId}`;
}

function keyOf({ protocol }: Line, transferId: string): string {
  return protocol === 1 ? '' : transferId;
}

function legacy(text: string): any {
  if (text === 'file_receive_ready') return { type: text };
  if (text === 'FILE_SENT') return { type: 'file_sent', delivered: true };
  if (text === 'FILE_SENT_SERVER_ONLY') return { type: 'file_sent', delivered: false };
  return { type: 'file_failed', message: text };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
