/** The names under which a platform answers. They are worked out once, when its port is known: every request asks for them. */
export class HostNames {
  readonly #given: readonly string[]
  readonly #real: readonly string[]
  readonly #publicOrigin: string | undefined
  #local = ''
  #origin = ''
  #all: readonly string[] = []
  #others: readonly string[] = []

  /** `given` are names that others reach it by, the first of which makes the origin unless one is stated; `real` those of real login hosts. */
  constructor(given: readonly string[], real: readonly string[], publicOrigin?: string) {
    this.#given = given
    this.#real = real
    this.#publicOrigin = publicOrigin
  }

  /** Says on which port the platform listens. */
  listenOn(port: number): void {
    this.#local = `https://localhost:${port}`
    this.#origin = this.#publicOrigin ?? `https://${this.#given[0] ?? 'localhost'}:${port}`
    this.#others = withPort(this.#local, this.#real)
    const own = [...localHosts(this.#local), ...withPort(this.#local, this.#given)]
    const known = this.#publicOrigin === undefined ? [] : [new URL(this.#publicOrigin).host]
    this.#all = [...new Set([...own, ...known, ...this.#others])]
  }

  /** As which the authority speaks. */
  readonly origin = (): string => this.#origin

  /** Where this process answers. */
  readonly localOrigin = (): string => this.#local

  /** Every name, as a Host header has it. */
  readonly all = (): readonly string[] => this.#all

  /** Every origin under which clients may know the authority. */
  readonly origins = (): readonly string[] => [this.#origin, ...this.#others.map((name) => `https://${name}`)]

  /** The origin as which the authority answers under a Host header: that name's own, if it is a real login host's. */
  readonly originFor = (host = ''): string =>
    this.#others.includes(host.toLowerCase()) ? `https://${host.toLowerCase()}` : this.#origin
}

/** The names of this machine, with the port of the platform, as a Host header has them. */
export function localHosts(origin: string): readonly string[] {
  const { port } = new URL(origin)
  return ['localhost', '127.0.0.1', '[::1]'].map((name) => (port === '' ? name : `${name}:${port}`))
}

/** Other names, with the port of the platform, or without one, as if they were reached at the port of https. */
function withPort(origin: string, names: readonly string[]): readonly string[] {
  const { port } = new URL(origin)
  return names.flatMap((name) => (port === '' ? [name] : [name, `${name}:${port}`]))
}
