/** Which application permissions a route needs: any one is enough, the least privileged first; none if the list is empty. */
export type PermissionTable = Readonly<Record<string, readonly string[]>>

interface Route {
  readonly name: string
  readonly segments: readonly string[]
}

// Of routes that no table knows, no more than this many are remembered.
const UNKNOWN_MAX = 100
// Its items are noted one by one.
const BATCH = '/$batch'

/** Remembers which routes of an API were called: a set that is as small as the table, whatever is called. */
export class UsedPermissions {
  readonly table: PermissionTable
  readonly #routes = new Map<string, readonly Route[]>()
  readonly #used = new Set<string>()
  readonly #unknown = new Set<string>()

  constructor(table: PermissionTable = {}) {
    this.table = table
    for (const name of Object.keys(table)) {
      const [method = '', path = ''] = name.split(' ')
      const segments = path.slice(1).split('/')
      const key = `${method} ${segments.length}`
      this.#routes.set(key, [...(this.#routes.get(key) ?? []), { name, segments }])
    }
  }

  /** The routes that were called. */
  get used(): readonly string[] {
    return [...this.#used]
  }

  /** Routes that the table does not know, by method and first segment alone: what follows may name people. */
  get unknown(): readonly string[] {
    return [...this.#unknown]
  }

  /** Notes that a route was called. */
  note(method: string, path: string): void {
    // A link that an answer gave is of the route that was called first.
    if (this.#routes.size === 0 || path.startsWith('https:') || path === BATCH) return
    const route = this.#find(method, path)
    if (route !== undefined) this.#used.add(route)
    else if (this.#unknown.size < UNKNOWN_MAX) this.#unknown.add(`${method} /${segmentsOf(path)[0]}`)
  }

  /** The permissions that would do for a call, the least privileged first; nothing if that is not known. */
  needed(method: string, path: string): readonly string[] {
    const route = this.#find(method, path)
    return (route === undefined ? undefined : this.table[route]) ?? []
  }

  #find(method: string, path: string): string | undefined {
    const segments = segmentsOf(path)
    const candidates = this.#routes.get(`${method} ${segments.length}`) ?? []
    // A route that says a segment by name goes before one that takes any.
    const fits = (route: Route, exact: boolean) =>
      route.segments.every(
        (segment, index) => segment === segments[index] || (!exact && segment.startsWith(':')),
      )
    return (candidates.find((route) => fits(route, true)) ?? candidates.find((route) => fits(route, false)))
      ?.name
  }
}

/** The segments of a path; `/users(appId='…')` addresses as `/users/…` does. */
function segmentsOf(path: string): readonly string[] {
  const [plain = ''] = path.split('?', 1)
  return plain
    .replace(/^\//, '')
    .replaceAll(/\((?:[^()']|'[^']*')*\)(?=\/|$)/g, '/()')
    .split('/')
}
