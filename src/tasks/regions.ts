/** The way from a region upwards, itself first. What no configuration knows has nothing above it. */
export class Regions {
  constructor(private readonly parents: Readonly<Record<string, string>>) {}

  /** `global` and `default` end the way: they mean everybody. */
  above(region: string): string | undefined {
    const parent = Object.hasOwn(this.parents, region) ? this.parents[region] : undefined;
    return meansAny(parent) ? undefined : parent;
  }

  upFrom(region: string): string[] {
    const way: string[] = [];
    let at = meansAny(region) ? undefined : region;
    for (; at !== undefined; at = this.above(at)) way.push(at);
    return way;
  }

  get hierarchy(): Readonly<Record<string, string>> {
    return this.parents;
  }
}

/** Whether a caller who names this region takes anybody. */
export function meansAny(region: string | undefined): boolean {
  return region === undefined || region === '' || region === 'default' || region === 'global';
}
