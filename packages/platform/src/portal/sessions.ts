import { createHash, randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Now } from '../clock.ts'

const COOKIE = '__Host-tomte'
const LIFETIME_MS = 8 * 60 * 60 * 1000
const SESSIONS_MAX = 1_000
const ID_BYTES = 32
const COOKIE_RULES = 'Path=/; Secure; HttpOnly; SameSite=Lax'

/** The administrator's open sessions. A restart ends them all: nothing of them is written to the disk. */
export class Sessions {
  readonly #now: Now
  // By SHA-256 of the id, so that a copy of the memory opens nothing. All live equally long: the first ends
  // first.
  readonly #endsAtMs = new Map<string, number>()

  constructor(now: Now) {
    this.#now = now
  }

  /**
   * Opens a session and returns its id, which only the browser keeps. Beyond 1,000 sessions the oldest ends.
   */
  open(): string {
    for (const [digest, endsAtMs] of this.#endsAtMs) {
      if (endsAtMs > this.#now() && this.#endsAtMs.size < SESSIONS_MAX) break
      this.#endsAtMs.delete(digest)
    }
    const id = randomBytes(ID_BYTES).toString('base64url')
    this.#endsAtMs.set(digestOf(id), this.#now() + LIFETIME_MS)
    return id
  }

  isOpen(id: string): boolean {
    return (this.#endsAtMs.get(digestOf(id)) ?? 0) > this.#now()
  }

  close(id: string): void {
    this.#endsAtMs.delete(digestOf(id))
  }
}

const digestOf = (id: string) => createHash('sha256').update(id).digest('base64')

/** The session id that a browser sent, or an empty text, which is no session's id. */
export function sessionId(request: FastifyRequest): string {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? ''
}

/**
 * Gives the browser its session id; `__Host-` keeps other hosts and plain HTTP from setting or reading it.
 */
export function setSessionCookie(reply: FastifyReply, id: string): void {
  reply.header('set-cookie', `${COOKIE}=${id}; ${COOKIE_RULES}; Max-Age=${LIFETIME_MS / 1000}`)
}

/** Takes the session id back from the browser. */
export function clearSessionCookie(reply: FastifyReply): void {
  reply.header('set-cookie', `${COOKIE}=; ${COOKIE_RULES}; Max-Age=0`)
}
