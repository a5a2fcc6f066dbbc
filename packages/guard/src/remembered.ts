import { hash } from 'node:crypto'
import type { Lifetime, Principal } from './claims.ts'
import type { VerifiedToken } from './token.ts'

/** A token that was good, without the token itself. */
export interface Remembered extends Lifetime, Pick<VerifiedToken, 'origin' | 'kid' | 'key'> {
  readonly principal: Principal
  /** The state of the revocations under which it was good. */
  revision: number
}

interface Kept {
  readonly name: string
  readonly token: Remembered
}

/** The name of a token: of the entire text, so that no part of it can be exchanged. */
const fingerprint = (token: string): string => hash('sha256', token, 'base64url')

const DOORS = 65_536

/**
 * Tokens that were good, by fingerprint, up to a number of them. A token is kept when it comes for the second time, so that
 * tokens which are used once neither push others out nor cost memory. Those that were used since the last turn stay; there
 * are two halves, and when one is full the other is let go.
 *
 * Where to look is said by 32 bits of the signature, so that a token which is not here need not be hashed to be missed. Of two
 * tokens in one place the later is kept, and neither is ever taken for the other.
 */
export class RememberedTokens {
  readonly #half: number
  /** The place of who came last by each door; two tokens that are taken for one are kept at once, and that is all. */
  readonly #doors = new Int32Array(DOORS)
  #recent = new Map<number, Kept>()
  #older = new Map<number, Kept>()

  constructor(max: number) {
    this.#half = Math.ceil(max / 2)
  }

  get(token: string): Remembered | undefined {
    const place = placeOf(token)
    const recent = this.#recent.get(place)
    const kept = recent ?? this.#older.get(place)
    if (!kept || kept.name !== fingerprint(token)) return undefined
    if (!recent) this.#keep(place, kept)
    return kept.token
  }

  /** Whether a good token is worth keeping: it has come before. */
  hasComeBefore(token: string): boolean {
    if (this.#half === 0) return false
    const place = placeOf(token)
    const door = place & (DOORS - 1)
    if (this.#doors[door] === place) return true
    this.#doors[door] = place
    return false
  }

  set(token: string, good: Remembered): void {
    this.#keep(placeOf(token), { name: fingerprint(token), token: good })
  }

  #keep(place: number, kept: Kept): void {
    if (this.#recent.size >= this.#half) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(place, kept)
  }
}

const PLACE_FROM = 8

/** 32 bits of a token, from eight of the last characters of its signature (FNV-1a). */
function placeOf(token: string): number {
  let bits = 0x811c9dc5 | 0
  for (let index = token.length - PLACE_FROM; index < token.length; index++)
    bits = Math.imul(bits ^ token.charCodeAt(index), 0x01000193)
  return bits
}
