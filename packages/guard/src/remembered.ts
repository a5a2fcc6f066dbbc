import { hash } from 'node:crypto'
import type { Lifetime, Principal } from './claims.ts'
import type { VerifiedToken } from './token.ts'

/** A token that was good, without the token itself. */
export interface Remembered extends Lifetime, Pick<VerifiedToken, 'origin' | 'kid' | 'key'> {
  readonly principal: Principal
  /** The state of the revocations under which it was good. */
  revision: number
}

/** The name of a token: of the entire text, so that no part of it can be exchanged. */
export const fingerprint = (token: string): string => hash('sha256', token, 'base64url')

const DOOR = 65_536

/**
 * Tokens that were good, by fingerprint, up to a number of them. A token is kept when it comes for the second time, so that
 * tokens which are used once neither push others out nor cost memory. Those that were used since the last turn stay; there
 * are two halves, and when one is full the other is let go.
 */
export class RememberedTokens {
  readonly #half: number
  /** A part of the name of who came last by each door; two tokens that are taken for one are kept at once, and that is all. */
  readonly #doors = new Uint32Array(DOOR)
  #recent = new Map<string, Remembered>()
  #older = new Map<string, Remembered>()

  constructor(max: number) {
    this.#half = Math.ceil(max / 2)
  }

  get(name: string): Remembered | undefined {
    const recent = this.#recent.get(name)
    if (recent) return recent
    const older = this.#older.get(name)
    if (older) this.set(name, older)
    return older
  }

  /** Whether a good token is worth keeping: it has come before. */
  isKnown(name: string): boolean {
    if (this.#half === 0) return false
    const part = partOf(name, 0)
    const door = partOf(name, 8) % DOOR
    if (this.#doors[door] === part) return true
    this.#doors[door] = part
    return false
  }

  set(name: string, token: Remembered): void {
    if (this.#recent.size >= this.#half) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(name, token)
  }

  delete(name: string): void {
    this.#recent.delete(name)
    this.#older.delete(name)
  }
}

/** 32 bits of a name, from eight of its characters (FNV-1a); the name itself cannot be chosen. */
function partOf(name: string, start: number): number {
  let bits = 0x811c9dc5
  for (let index = start; index < start + 8; index++)
    bits = Math.imul(bits ^ name.charCodeAt(index), 0x01000193)
  return bits >>> 0
}
