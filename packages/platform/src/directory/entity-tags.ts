import { GraphError } from '../graph/errors.ts'
import type { Row } from './object-type.ts'

/** An object as it is shown, with its entity tag. */
export interface Shown {
  readonly body: object
  readonly etag: string
}

/** The weak entity tag of a row: its place in the order of changes (RFC 9110 §8.8.3). */
export const entityTag = (row: Row): string => `W/"${String(row['change'])}"`

/**
 * Lets a change go on if `If-Match` is absent, `*`, or names the row as it is (RFC 9110 §13.1.1; tags are compared weakly, as
 * there are no others).
 *
 * @throws GraphError 412 if the object has changed since it was read.
 */
export function requireMatch(row: Row, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return
  const strong = (tag: string) => tag.trim().replace(/^W\//, '')
  if (ifMatch.split(',').some((tag) => strong(tag) === strong(entityTag(row)))) return
  throw new GraphError(
    412,
    'PreconditionFailed',
    'The object has changed since the entity tag in If-Match was read: read it again.',
  )
}
