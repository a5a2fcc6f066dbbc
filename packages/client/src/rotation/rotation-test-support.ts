// The other side of a rotation: an authority and a directory that know one application, check each proof, and can be slow to
// replicate, refuse, or lose an answer.
import { createPublicKey, randomUUID, verify, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Api } from '../call/api.ts'
import { graph } from '../call/graph.ts'
import { keyPem, makeCertificate, newRsaKey } from '../credential/test-support.ts'
import type { Credential } from '../credential/credential.ts'
import type { AppIdentity } from '../identity/app-identity.ts'
import {
  type Answer,
  CLIENT,
  identityAt,
  manualClock,
  type Received,
  type ScriptedServer,
  scriptedServer,
  tokenAnswer,
} from '../test-support.ts'

export const OBJECT_ID = '33333333-cccc-4ccc-8ccc-000000000003'
export const START_MS = Date.UTC(2026, 8, 21)
export const DAY_MS = 86_400_000

const GRAPH = '/graph/v1.0/applications'
const keys = newRsaKey()

/** A certificate with its key as PEM, which ends after so many days. */
export function pemOf(days: number, name = 'daemon', password?: string): string {
  const date = (ms: number) => new Date(ms).toISOString().replace('.000', '')
  const { certificate, key } = makeCertificate(keys, {
    name,
    notBefore: date(START_MS - DAY_MS),
    notAfter: date(START_MS + days * DAY_MS),
  })
  return certificate + keyPem(key, password)
}

export const thumbprintOf = (pem: string): string => new X509Certificate(pem).fingerprint.replaceAll(':', '')

interface Key {
  readonly keyId: string
  readonly certificate: X509Certificate
  readonly displayName: string
}

interface Password {
  readonly keyId: string
  readonly displayName: string
  readonly text: string
  readonly endDateTime: string
}

type Json = Readonly<Record<string, unknown>>

/** What a test changes about the other side: an answer in the place of the usual one. */
export type Interference = (request: Received) => Answer | undefined

export class OtherSide {
  readonly keys: Key[] = []
  readonly passwords: Password[] = []
  readonly clock = manualClock(START_MS)
  /** Secrets to hand out before random ones. */
  readonly secrets: string[] = []
  interfere: Interference = () => undefined
  /** How many token requests still refuse what is not the oldest credential, for want of replication. */
  replicating = 0
  /** `METHOD path`, without the query, as they came in; token requests are `token`. */
  readonly log: string[] = []
  server!: ScriptedServer

  static async start(t: Pick<TestContext, 'after'>): Promise<OtherSide> {
    const side = new OtherSide()
    side.server = await scriptedServer(t, (request) => side.#answer(request))
    return side
  }

  identity(credential: Credential): AppIdentity {
    return identityAt(this.server, { credential, clock: this.clock, random: () => 0 })
  }

  directory(identity: AppIdentity): Api {
    const { origin, ca } = this.server
    return graph(identity, { baseUrl: `${origin}/graph/v1.0`, ca, clock: this.clock, random: () => 0 })
  }

  registerKey(pem: string, displayName = 'by hand'): string {
    const keyId = randomUUID()
    this.keys.push({ keyId, certificate: new X509Certificate(pem), displayName })
    return keyId
  }

  registerPassword(text: string, days: number, displayName = 'by hand'): string {
    const keyId = randomUUID()
    const endDateTime = new Date(START_MS + days * DAY_MS).toISOString()
    this.passwords.push({ keyId, displayName, text, endDateTime })
    return keyId
  }

  get thumbprints(): readonly string[] {
    return this.keys.map(({ certificate }) => certificate.fingerprint.replaceAll(':', ''))
  }

  #answer(request: Received): Answer {
    const path = request.path.split('?')[0] ?? ''
    const isToken = path.endsWith('/token')
    this.log.push(isToken ? 'token' : `${request.method} ${path.slice(GRAPH.length)}`)
    return (
      this.interfere(request) ?? (isToken ? this.#token(request) : this.#graph(request.method, path, request))
    )
  }

  #token({ body }: Received): Answer {
    const form = new URLSearchParams(body)
    const known = this.#prove(form)
    const isOldest = known === 0
    if (!isOldest && this.replicating > 0) {
      this.replicating -= 1
      return refusedToken
    }
    return known < 0 ? refusedToken : tokenAnswer(randomUUID())
  }

  #prove(form: URLSearchParams): number {
    const assertion = form.get('client_assertion')
    if (assertion !== null) return this.keys.findIndex((key) => isSigned(assertion, key, 'PS256'))
    return this.passwords.findIndex(({ text }) => text === form.get('client_secret'))
  }

  #graph(method: string, path: string, { body }: Received): Answer {
    const sent = body === '' ? {} : (JSON.parse(body) as Json)
    const action = path.slice(GRAPH.length)
    if (method === 'GET' && action === `(appId='${CLIENT}')`) return { body: this.#application() }
    const actions: Readonly<Record<string, (sent: Json) => Answer>> = {
      [`/${OBJECT_ID}/addKey`]: (asked) => this.#addKey(asked),
      [`/${OBJECT_ID}/removeKey`]: (asked) => this.#removeKey(asked),
      [`/${OBJECT_ID}/addPassword`]: ({ passwordCredential }) =>
        this.#addPassword(passwordCredential as Json),
      [`/${OBJECT_ID}/removePassword`]: ({ keyId }) => without(this.passwords, keyId),
    }
    return actions[action]?.(sent) ?? refusal(404, 'Request_ResourceNotFound')
  }

  #application(): object {
    return {
      id: OBJECT_ID,
      keyCredentials: this.keys.map(({ keyId, certificate, displayName }) => ({
        keyId,
        displayName,
        customKeyIdentifier: certificate.fingerprint.replaceAll(':', ''),
        endDateTime: new Date(certificate.validTo).toISOString(),
      })),
      passwordCredentials: this.passwords.map(({ keyId, displayName, text, endDateTime }) => ({
        keyId,
        displayName,
        endDateTime,
        hint: text.slice(0, 3),
        secretText: null,
      })),
    }
  }

  #addKey({ keyCredential, passwordCredential, proof }: Json): Answer {
    const { type, usage, key, displayName } = keyCredential as Json
    if (type !== 'AsymmetricX509Cert' || usage !== 'Verify' || passwordCredential !== null)
      return refusal(400, 'Request_BadRequest')
    if (!this.#isProven(proof)) return refusal(401, 'Authentication_MissingOrMalformed')
    const certificate = new X509Certificate(Buffer.from(String(key), 'base64'))
    if (this.keys.some((one) => one.certificate.fingerprint === certificate.fingerprint))
      return refusal(409, 'Request_MultipleObjectsWithSameKeyValue')
    const keyId = randomUUID()
    this.keys.push({ keyId, certificate, displayName: String(displayName) })
    return { body: { keyId } }
  }

  #removeKey({ keyId, proof }: Json): Answer {
    return this.#isProven(proof)
      ? without(this.keys, keyId)
      : refusal(401, 'Authentication_MissingOrMalformed')
  }

  #addPassword({ displayName, endDateTime }: Json): Answer {
    const keyId = randomUUID()
    const text = this.secrets.shift() ?? randomUUID()
    this.passwords.push({ keyId, displayName: String(displayName), text, endDateTime: String(endDateTime) })
    return { body: { keyId, displayName, endDateTime, hint: text.slice(0, 3), secretText: text } }
  }

  /** As wire.md §13.2 has it, and signed by a registered key that is valid. */
  #isProven(proof: unknown): boolean {
    const [, payload = ''] = String(proof).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}') as Json
    const nowMs = this.clock.now()
    return (
      claims['aud'] === '00000002-0000-0000-c000-000000000000' &&
      claims['iss'] === OBJECT_ID &&
      Number(claims['exp']) - Number(claims['nbf']) <= 600 &&
      nowMs >= Number(claims['nbf']) * 1000 &&
      nowMs <= Number(claims['exp']) * 1000 &&
      this.keys.some(
        (key) => isSigned(String(proof), key, 'RS256') && Date.parse(key.certificate.validTo) >= nowMs,
      )
    )
  }
}

const refusedToken: Answer = { status: 401, body: { error: 'invalid_client', error_codes: [700027] } }

/** Graph's way to refuse. */
export const refusal = (status: number, code: string): Answer => ({
  status,
  body: { error: { code, message: 'Refused by the test.' } },
})

function without(list: { readonly keyId: string }[], keyId: unknown): Answer {
  const index = list.findIndex((one) => one.keyId === keyId)
  if (index < 0) return refusal(400, 'Request_BadRequest')
  list.splice(index, 1)
  return { status: 204 }
}

function isSigned(jwt: string, { certificate }: Key, algorithm: 'PS256' | 'RS256'): boolean {
  const [header = '', payload = '', signature = ''] = jwt.split('.')
  const { x5t, ...named } = JSON.parse(Buffer.from(header, 'base64url').toString()) as Readonly<
    Record<string, string>
  >
  const name = Buffer.from(x5t ?? named['x5t#S256'] ?? '', 'base64url')
    .toString('hex')
    .toUpperCase()
  const { fingerprint, fingerprint256 } = certificate
  if (![fingerprint, fingerprint256].map((print) => print.replaceAll(':', '')).includes(name)) return false
  const key = createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' }))
  const padding = algorithm === 'PS256' ? { padding: 6, saltLength: 32 } : {}
  return verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key, ...padding },
    Buffer.from(signature, 'base64url'),
  )
}

/** A folder for one test, and a file in it. */
export function fileWith(
  t: Pick<TestContext, 'after'>,
  content: string | Buffer,
): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tomte-rotation-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'daemon')
  writeFileSync(file, content)
  return { folder, file }
}
