/** How far a round of a delta query has come, and what was asked for: all that a link says. */
export interface DeltaToken {
  readonly kind: 'user' | 'group'
  /** The round shows what has changed after this; 0 in the first, which shows everything there is. */
  readonly since: number
  /** And up to this: what changes meanwhile is for the next round. */
  readonly upTo: number
  /** Shown already, up to this. */
  readonly after: number
  /** Members of the group that comes next which were shown already, up to this change. */
  readonly memberAfter?: number | undefined
  readonly issuedAtMs: number
  readonly select: string | undefined
  /** The only objects that are asked for. */
  readonly ids: readonly string[] | undefined
}

const LENGTH_MAX = 6_000

/** A token as the text of a link. It holds nothing secret, and gives nobody more than a request without it. */
export const writeToken = ({
  kind,
  since,
  upTo,
  after,
  memberAfter,
  issuedAtMs,
  select,
  ids,
}: DeltaToken): string =>
  Buffer.from(
    JSON.stringify([kind, since, upTo, after, memberAfter ?? null, issuedAtMs, select ?? null, ids ?? null]),
  ).toString('base64url')

/** Reads the text of a link; `undefined` for a text that was not written here. */
export function readToken(text: string): DeltaToken | undefined {
  if (text.length > LENGTH_MAX) return undefined
  const parts = parse(Buffer.from(text, 'base64url').toString('utf8'))
  if (!Array.isArray(parts) || parts.length !== 8) return undefined
  const [kind, since, upTo, after, memberAfter, issuedAtMs, select, ids] = parts as readonly unknown[]
  if (kind !== 'user' && kind !== 'group') return undefined
  if (!isPlace(since) || !isPlace(upTo) || !isPlace(after) || !isPlace(issuedAtMs)) return undefined
  if (memberAfter !== null && !isPlace(memberAfter)) return undefined
  if (select !== null && typeof select !== 'string') return undefined
  if (ids !== null && !isTexts(ids)) return undefined
  return {
    kind,
    since,
    upTo,
    after,
    memberAfter: memberAfter ?? undefined,
    issuedAtMs,
    select: select ?? undefined,
    ids: ids ?? undefined,
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length <= 50 &&
  value.every((one) => typeof one === 'string' && !one.includes('\0'))
