import { namesSomebody, type RequiredRoles } from './permission.ts'

/** Who may call which route: `GET /orders/:id` → roles. A segment that begins with a colon stands for any one. */
export type RoutePermissions = Readonly<Record<string, RequiredRoles>>

/** The permissions of an API, looked up by what a request asks for. */
export interface PermissionTable {
  /** The routes as they were declared. */
  readonly routes: readonly string[]
  /** Who may call a route as declared, such as `GET /orders/:id`. */
  readonly ofRoute: (route: string) => RequiredRoles | undefined
  /**
   * Who may make a request, `undefined` if no route is declared for it; `HEAD` is allowed to whom `GET` is.
   *
   * @param target the path as it came, with or without query: nothing in it is decoded.
   */
  readonly ofRequest: (method: string, target: string) => RequiredRoles | undefined
}

interface Pattern {
  readonly segments: readonly string[]
  readonly loose: readonly string[]
  readonly required: RequiredRoles
}

const ROUTE = /^[A-Z]+ \/[^\s?#*]*$/

/**
 * Declares who may call which route. What is not in it is refused.
 *
 * @throws TypeError if a route is not written as `GET /orders/:id`, or if nobody may call it.
 * @example
 * ```ts
 * import { permissionTable } from '@tomte/guard'
 * const permissions = permissionTable({
 *   'GET /orders': ['Orders.Read.All', 'Orders.ReadWrite.All'],
 *   'DELETE /orders/:id': { applications: { allRoles: ['Orders.ReadWrite.All', 'Orders.Delete'] } },
 *   'GET /me': { users: { anyScope: ['Orders.Read'] } },
 *   'POST /hook': { applications: { clients: ['22222222-bbbb-4bbb-8bbb-000000000002'] } },
 * })
 * ```
 */
export function permissionTable(permissions: RoutePermissions): PermissionTable {
  const rules = new Map(Object.entries(permissions))
  for (const [route, required] of rules) {
    if (!ROUTE.test(route))
      throw new TypeError(
        `Cannot permit '${route}', as a method and a path are needed, such as GET /orders/:id`,
      )
    if (!namesSomebody(required))
      throw new TypeError(`Cannot permit '${route}', as somebody who may call it is needed: found nobody`)
  }
  const patterns = patternsByMethod(rules)
  const written = [...rules.keys()].filter((route) => !route.includes('/:'))
  const loose = new Set(written.map((route) => route.toLowerCase()))
  const look = (method: string, path: string) => {
    const exact = path.includes('/:') ? undefined : rules.get(`${method} ${path}`)
    if (exact !== undefined) return exact
    const list = patterns.get(method) ?? []
    const found = list.find(({ segments }) => matches(segments, path.split('/')))
    const read = readLoosely(path)
    const isOther = (pattern: Pattern) => matches(pattern.loose, read.split('/'))
    return loose.has(`${method.toLowerCase()} ${read}`) || list.find(isOther) !== found
      ? undefined
      : found?.required
  }
  return {
    routes: [...rules.keys()],
    ofRoute: (route) => rules.get(route),
    ofRequest: (method, target) => {
      const path = target.split(/[?#]/, 1)[0] ?? ''
      if (!isPlain(path)) return undefined
      return look(method, path) ?? (method === 'HEAD' ? look('GET', path) : undefined)
    },
  }
}

// Routers differ in what they make of these, and could come to another route than the table.
const AMBIGUOUS = /\/\/|\\|%2f|%5c|%00|\/\.{1,2}(\/|$)|\/(%2e|\.){1,2}(\/|$)/i

const isPlain = (path: string): boolean => path.startsWith('/') && !AMBIGUOUS.test(path)

/**
 * A path as the router reads it that takes most for the same: Express ignores case, Hono decodes. Where that leads to another
 * route than the path as it came, nobody knows whose permission counts.
 */
function readLoosely(path: string): string {
  try {
    return decodeURIComponent(path).toLowerCase()
  } catch {
    return ''
  }
}

function patternsByMethod(rules: ReadonlyMap<string, RequiredRoles>): ReadonlyMap<string, Pattern[]> {
  const patterns = new Map<string, Pattern[]>()
  for (const [route, required] of rules) {
    const [method = '', path = ''] = route.split(' ')
    if (!path.includes('/:')) continue
    const list = patterns.get(method) ?? []
    list.push({ segments: path.split('/'), loose: path.toLowerCase().split('/'), required })
    patterns.set(method, list)
  }
  // As routers do: what is written out goes before what stands for anything, from left to right.
  const weight = ({ segments }: Pattern) =>
    segments.map((each) => (each.startsWith(':') ? '1' : '0')).join('')
  for (const list of patterns.values()) list.sort((a, b) => (weight(a) < weight(b) ? -1 : 1))
  return patterns
}

const matches = (segments: readonly string[], found: readonly string[]): boolean =>
  segments.length === found.length &&
  segments.every((each, index) => (each.startsWith(':') ? found[index] !== '' : each === found[index]))

/**
 * For a test: asserts that every route of an API has a permission, and every permission a route.
 *
 * @param routes as in the table; Fastify's come from `registeredRoutes` of `@tomte/guard/fastify`. `HEAD` may be left out of the table.
 * @throws Error that lists what is left out on either side.
 */
export function assertEveryRouteListed(
  { routes: listed }: Pick<PermissionTable, 'routes'>,
  routes: Iterable<string>,
): void {
  const served = [...routes]
  const known = new Set(listed)
  const bare = served.filter((route) => !known.has(route) && !known.has(route.replace(/^HEAD /, 'GET ')))
  const idle = listed.filter((route) => !served.includes(route))
  if (bare.length === 0 && idle.length === 0) return
  const says = (what: string, list: readonly string[]) =>
    list.length === 0 ? [] : [`${what}: ${list.join(', ')}`]
  const found = [...says('without a permission', bare), ...says('permitted, but not served', idle)]
  throw new Error(`Cannot vouch for the permission table, as it must list every route: ${found.join('; ')}`)
}
