/** What becomes of a thing; disabling and deleting are what a limit counts. */
export type Effect = 'created' | 'updated' | 'disabled' | 'deleted'

/** One value of a thing, as it was where that is known, and as it would be. */
export interface FieldChange {
  readonly before?: unknown
  readonly after: unknown
}

/** What a run would do to one thing. */
export interface PlannedChange {
  readonly effect: Effect
  /** The thing: its path at the API, or what the job calls it. */
  readonly what: string
  /** A name for people, where one is known. */
  readonly name?: string | undefined
  readonly fields: Readonly<Record<string, FieldChange>>
  /** The requests that would be sent. */
  readonly requests: readonly PlannedRequest[]
}

/** A request that a rehearsal has not sent. */
export interface PlannedRequest {
  /** The name of the API in the daemon. */
  readonly api: string
  readonly method: string
  readonly path: string
}

/** What a job says that it does by other means than the APIs of its daemon. */
export interface StatedChange {
  readonly effect: Effect
  /** The thing, by a name that is always the same. */
  readonly what: string
  readonly fields?: Readonly<Record<string, unknown>> | undefined
}

// A thing, the name of its link, and for a link to many the other thing.
const LINK = /^(\/[^/]+\/[^/]+)\/(\w+)(?:\/[^/]+)?\/\$ref$/

/** The name of the link that a request changes, or `undefined` if it changes none. */
export const linkOf = (path: string): string | undefined => LINK.exec(path.split(/[?#]/)[0] ?? '')?.[2]

/** What a request does to which thing: `/users/7/manager/$ref` updates `/users/7`. */
export function effectOf(
  method: string,
  path: string,
  body: object | undefined,
): { readonly effect: Effect; readonly what: string } {
  const [whole = ''] = path.split(/[?#]/)
  const linked = LINK.exec(whole)?.[1]
  if (linked !== undefined) return { effect: 'updated', what: linked }
  const name = method.toUpperCase()
  if (name === 'DELETE') return { effect: 'deleted', what: whole }
  if (name === 'POST') {
    // Below a thing are its actions, such as /users/7/revokeSignInSessions.
    const action = /^(\/[^/]+\/[^/]+)\/[^/]+$/.exec(whole)?.[1]
    return action === undefined ? { effect: 'created', what: whole } : { effect: 'updated', what: action }
  }
  const disables = body !== undefined && 'accountEnabled' in body && body.accountEnabled === false
  return { effect: disables ? 'disabled' : 'updated', what: whole }
}

const SECRET = /pass(word|wd|phrase)|secret|token|credential|privatekey/i
const DEPTH_MAX = 6

/** A value as it may be shown: nothing of what is named like a secret. */
export function shown(name: string, value: unknown, depth = 0): unknown {
  if (SECRET.test(name)) return '[secret]'
  if (typeof value !== 'object' || value === null) return value
  if (depth === DEPTH_MAX) return '…'
  if (Array.isArray(value)) return value.map((each) => shown('', each, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(key, each, depth + 1)]))
}
