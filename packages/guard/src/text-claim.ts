import type { JsonObject } from './json-object.ts'
import { GuardRefusal } from './refusal.ts'

/** A claim that must be there and a text that is not empty. @throws GuardRefusal claim_missing, claim_malformed. */
export function textClaim(claims: JsonObject, name: string): string {
  const value = claims[name]
  if (typeof value === 'string' && value !== '') return value
  if (value === undefined) throw new GuardRefusal('claim_missing', `${name} is missing`)
  throw new GuardRefusal('claim_malformed', `${name} is no text`)
}

const QUOTED_MAX = 200

/** A claim as the log may show it: in ASCII, on one line, cut to 200 characters. */
export const quotedClaim = (text: string): string =>
  `'${text.slice(0, QUOTED_MAX).replaceAll(/[^\x20-\x7e]/g, '?')}'`
