import { createHash, randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Now } from '../clock.ts'

const COOKIE = '__Host-tomte'
const LIFETIME_MS = 8 * 60 * 60 * 1000
const SESSIONS_MAX = 1_000
const ID_BYTES = 32
const COOKIE_RULES = 'Path=/; Secure; HttpOnly; SameSite=Lax'

/** Whose session it is: that of the platform's own administrator, or of a tenant's account, by the id of its user. */
export type SessionOwner = 'platform' | { readonly userId: string }

interface Session {
  readonly owner: SessionOwner
  readonly endsAtMs: number
}

/** The open sessions. A restart ends them all: nothing of them is written to the disk. */
export class Sessions {
  readonly #now: Now
  // By SHA-256 of the id, so that a copy of the memory opens nothing. All live equally long: the first ends
  // first.
  readonly #sessions = new Map<string, Session>()

  constructor(now: Now) {
    this.#now = now
  }

  /**
   * Opens a session and returns its id, which only the browser keeps. Beyond 1,000 sessions the oldest ends.
   */
  open(owner: SessionOwner = 'platform'): string {
    for (const [digest, { endsAtMs }] of this.#sessions) {
      if (endsAtMs > this.#now() && this.#sessions.size < SESSIONS_MAX) break
      this.#sessions.delete(digest)
    }
    const id = randomBytes(ID_BYTES).toString('base64url')
    this.#sessions.set(digestOf(id), { owner, endsAtMs: this.#now() + LIFETIME_MS })
    return id
  }

  isOpen(id: string): boolean {
    return this.ownerOf(id) !== undefined
  }

  /** Whose session this is, if it is open. */
  ownerOf(id: string): SessionOwner | undefined {
    const session = this.#sessions.get(digestOf(id))
    return session && session.endsAtMs > this.#now() ? session.owner : undefined
  }

  close(id: string): void {
    this.#sessions.delete(digestOf(id))
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
