import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { endTokens } from '../registration/ended-tokens.ts'
import type { Services } from '../services.ts'
import { DrillError } from './fault.ts'

type Sent = Readonly<Record<string, unknown>>

/** What the drills that change something stand on. */
export type DrillServices = Pick<Services, 'db' | 'keys' | 'now'>

const TABLES = ['password_credential', 'key_credential'] as const

/** Makes a credential end one millisecond ago, as one that nobody has renewed. @throws DrillError for an unknown `keyId`. */
async function expireCredential({ db, now }: DrillServices, keyId: string): Promise<void> {
  const end = now() - 1
  for (const table of TABLES) {
    const { numAffectedRows = 0n } =
      await sql`update ${sql.table(table)} set end_at_ms = ${end} where key_id = ${keyId}`.execute(db)
    if (numAffectedRows > 0n) return
  }
  throw unknownCredential(keyId)
}

/** Takes a credential away, as an administrator in a hurry does. @throws DrillError for an unknown `keyId`. */
async function revokeCredential({ db }: DrillServices, keyId: string): Promise<void> {
  for (const table of TABLES) {
    const { numDeletedRows } = await db
      .deleteFrom(table)
      .where('key_id', '=', keyId)
      .executeTakeFirstOrThrow()
    if (numDeletedRows > 0n) return
  }
  throw unknownCredential(keyId)
}

const unknownCredential = (keyId: string) =>
  new DrillError(`No secret or certificate has the keyId '${keyId.slice(0, 100)}'.`)

/**
 * Ends the tokens that a service principal has had so far, as a change of its risk does: the directory answers a client that
 * declared `cp1` with a claims challenge (wire.md §11). @throws DrillError for an unknown service principal.
 */
async function revokeTokens({ db, now }: DrillServices, id: string): Promise<void> {
  const principal = await db
    .selectFrom('service_principal')
    .select('id')
    .where('id', '=', id)
    .executeTakeFirst()
  if (!principal) throw new DrillError(`No service principal has the id '${id.slice(0, 100)}'.`)
  await endTokens(db, principal, now())
}

/** What a forged token is to say. */
interface Forgery {
  readonly header: Sent
  readonly claims: Sent
  /** Whether it is signed with the platform's own key, so that every API believes it. */
  readonly trusted: boolean
}

/** Reads what to forge: `{"claims":{…},"header":{…},"trusted":false}`. @throws DrillError */
export function readForgery(body: unknown): Forgery {
  const { claims, header = {}, trusted = false, ...others } = objectOf(body, 'A forgery')
  const [other] = Object.keys(others)
  if (other !== undefined) throw new DrillError(`'${other.slice(0, 100)}' is no property of a forgery.`)
  if (typeof trusted !== 'boolean') throw new DrillError("'trusted' must be true or false.")
  return { claims: objectOf(claims, "'claims'"), header: objectOf(header, "'header'"), trusted }
}

function objectOf(value: unknown, name: string): Sent {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Sent
  throw new DrillError(`${name} must be a JSON object.`)
}

/** A key that is in no keys document, made when the first token is forged. */
class StrangerKey {
  readonly kid = randomUUID()
  #key: KeyObject | undefined

  get privateKey(): KeyObject {
    this.#key ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    return this.#key
  }
}

function forge({ header, claims, trusted }: Forgery, { keys }: DrillServices, stranger: StrangerKey): string {
  const { kid, privateKey } = trusted ? keys.current : stranger
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ typ: 'JWT', alg: 'RS256', kid, ...header })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}

/** Registers the drills that change keys and credentials; each is told to `audit`, and no token or key with it. */
export function actionRoutes(
  app: FastifyInstance,
  services: DrillServices,
  audit: (did: string, facts: object) => void,
): void {
  const stranger = new StrangerKey()
  app.post('/drills/keys', async (_request, reply) => {
    const kid = await services.keys.rotate()
    audit('signing key rotated', { kid })
    return reply.code(201).send({ kid })
  })
  app.post<{ Params: { keyId: string } }>('/drills/credentials/:keyId/expire', async (request, reply) => {
    const keyId = request.params.keyId.toLowerCase()
    await expireCredential(services, keyId)
    audit('credential expired', { keyId })
    return reply.code(204).send()
  })
  app.delete<{ Params: { keyId: string } }>('/drills/credentials/:keyId', async (request, reply) => {
    const keyId = request.params.keyId.toLowerCase()
    await revokeCredential(services, keyId)
    audit('credential revoked', { keyId })
    return reply.code(204).send()
  })
  app.delete<{ Params: { id: string } }>('/drills/servicePrincipals/:id/tokens', async (request, reply) => {
    const id = request.params.id.toLowerCase()
    await revokeTokens(services, id)
    audit('tokens revoked', { servicePrincipal: id })
    return reply.code(204).send()
  })
  app.post('/drills/tokens', async (request, reply) => {
    const forgery = readForgery(request.body)
    const { aud, tid, oid } = forgery.claims
    audit('token forged', { trusted: forgery.trusted, aud, tid, oid })
    return reply.code(201).send({ access_token: forge(forgery, services, stranger) })
  })
}
