import { createHash, randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Now } from '../clock.ts'
import type { Database } from '../store/database.ts'

const COOKIE = '__Host-tomte'
const LIFETIME_MS = 8 * 60 * 60 * 1000
const SESSIONS_MAX = 20
const ID_BYTES = 32
const COOKIE_RULES = 'Path=/; Secure; HttpOnly; SameSite=Lax'

/** Whose session it is: that of the platform's own administrator, or of a tenant's account, by the id of its user. */
export type SessionOwner = 'platform' | { readonly userId: string }

/** The open sessions. They are in the store, so that every replica knows them, and none ends with a process. */
export class Sessions {
  readonly #db: Database
  readonly #now: Now

  constructor(db: Database, now: Now) {
    this.#db = db
    this.#now = now
  }

  /**
   * Opens a session and returns its id, which only the browser keeps: the store has its SHA-256, so that a copy of it opens
   * nothing. Beyond 20 sessions of one owner the oldest ends.
   */
  async open(owner: SessionOwner = 'platform'): Promise<string> {
    const id = randomBytes(ID_BYTES).toString('base64url')
    const row = { digest: digestOf(id), user_id: userIdOf(owner), ends_at_ms: this.#now() + LIFETIME_MS }
    await this.#db.transaction().execute(async (db) => {
      await db.insertInto('portal_session').values(row).execute()
      // All live equally long: the first ends first.
      const others = await db
        .selectFrom('portal_session')
        .select('digest')
        .where('user_id', 'is not distinct from', row.user_id)
        .where('digest', '!=', row.digest)
        .orderBy('ends_at_ms')
        .orderBy('digest')
        .execute()
      const over = others.slice(0, Math.max(0, others.length + 1 - SESSIONS_MAX)).map(({ digest }) => digest)
      await db.deleteFrom('portal_session').where('digest', 'in', over).execute()
    })
    return id
  }

  /** Whose session this is, if it is open. */
  async ownerOf(id: string): Promise<SessionOwner | undefined> {
    if (id === '') return undefined
    const row = await this.#db
      .selectFrom('portal_session')
      .select('user_id')
      .where('digest', '=', digestOf(id))
      .where('ends_at_ms', '>', this.#now())
      .executeTakeFirst()
    if (!row) return undefined
    return row.user_id === null ? 'platform' : { userId: row.user_id }
  }

  async close(id: string): Promise<void> {
    if (id === '') return
    await this.#db.deleteFrom('portal_session').where('digest', '=', digestOf(id)).execute()
  }
}

const userIdOf = (owner: SessionOwner) => (owner === 'platform' ? null : owner.userId)

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
