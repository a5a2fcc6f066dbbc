// A daemon under load has two credentials in a list. The second is registered, the first is revoked: no call may fail, whichever
// way the credentials are replaced. The clock of all parts runs fast, so that the hour of a token passes in a minute.
import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { certificate, clientSecret, type Credential } from '@tomte/client'
import { CALLS_PER_SECOND, REQUEST_MS, type Scene, startDaemon, TENANTS } from './daemon.ts'
import { report, steadyLoad } from './load.ts'
import { type Certified, certify } from './local-platform.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'
import { played } from './stage.ts'

/** A credential as the daemon has it, and how it comes to be and ceases to be registered. */
interface Registered {
  readonly credential: Credential
  readonly keyId: string
  readonly certified?: Certified
}

interface Way {
  readonly what: string
  /** Registers one more credential. */
  readonly register: (scene: Scene) => Promise<Registered>
  /** Revokes the first; the second is there to prove who asks. */
  readonly revoke: (scene: Scene, first: Registered, second: Registered) => Promise<unknown>
}

/** How credentials are replaced, by name. What the client does by itself is in self-rotation.drill.ts. */
const WAYS = {
  patch: {
    what: 'certificate taken off the application',
    register: registerCertificate,
    revoke: async (scene, first) => {
      const kept = (await keysOf(scene)).filter(({ keyId }) => keyId !== first.keyId)
      await patchKeys(scene, kept)
    },
  },
  removeKey: {
    what: 'certificate removed with proof of the other',
    register: registerCertificate,
    revoke: (scene, first, second) =>
      scene.platform.directory.post(`${application(scene)}/removeKey`, {
        keyId: first.keyId,
        proof: proofOf(scene, second),
      }),
  },
  removePassword: {
    what: 'secret removed',
    register: async (scene) => {
      const path = `${application(scene)}/addPassword`
      const added = await scene.platform.directory.post(path, {
        passwordCredential: { displayName: 'drill' },
      })
      const { keyId, secretText } = added as { readonly keyId: string; readonly secretText: string }
      return { keyId, credential: clientSecret(secretText) }
    },
    revoke: ({ platform }, { keyId }) =>
      platform.directory.post(`/applications/${platform.objectId}/removePassword`, { keyId }),
  },
} satisfies Readonly<Record<string, Way>>

type WayName = keyof typeof WAYS

export interface RotationOptions extends DrillOptions {
  /** Default: all of them. */
  readonly ways?: readonly WayName[] | undefined
}

const REVOKED_AFTER_MS = 60_000
// Half of a token's hour: by then every tenant is renewed, with the second credential.
const RENEWAL_MS = 1_800_000

export async function drill(options: RotationOptions): Promise<DrillResult> {
  const names = options.ways ?? (Object.keys(WAYS) as WayName[])
  const ways: readonly Way[] = names.map((name) => WAYS[name])
  return { drill: 'rotation', rows: await played(options, ways, rotation) }
}

async function rotation(scene: Scene, { what, register, revoke }: Way): Promise<Row> {
  const { clock, speed } = scene
  const first = await register(scene)
  const second = await register(scene)
  const { identity, renewals, call } = await startDaemon(scene, [first.credential, second.credential])
  const load = steadyLoad(CALLS_PER_SECOND, call)
  await clock.sleep(REVOKED_AFTER_MS)
  await revoke(scene, first, second)
  renewals.begin()
  const limitMs = RENEWAL_MS + REQUEST_MS * speed
  const renewedAfterMs = await renewals.all(limitMs)
  const fared = report(what, await load.stop())
  const { tokenRequests } = identity
  // The first tokens, their renewals, and at most one refusal for each of these.
  const requestsMax = 3 * TENANTS
  return {
    what,
    ...fared,
    tokenRequests,
    renewedAfterSeconds: renewedAfterMs === undefined ? undefined : renewedAfterMs / 1000,
    goal: `0 failed, <= ${requestsMax} token requests, renewed within ${limitMs / 1000} s`,
    // A credential that nobody has refused was not revoked.
    met:
      fared.failed === 0 &&
      renewals.failures() === 0 &&
      renewals.refusals() > 0 &&
      tokenRequests <= requestsMax &&
      renewedAfterMs !== undefined,
  }
}

interface KeyCredential {
  readonly keyId: string
}

const application = ({ platform }: Scene) => `/applications/${platform.objectId}`

async function keysOf(scene: Scene): Promise<readonly KeyCredential[]> {
  const found = await scene.platform.directory.get(application(scene))
  return (found as { readonly keyCredentials: readonly KeyCredential[] }).keyCredentials
}

const patchKeys = (scene: Scene, keyCredentials: readonly object[]) =>
  scene.platform.directory.patch(application(scene), { keyCredentials })

async function registerCertificate(scene: Scene): Promise<Registered> {
  const before = await keysOf(scene)
  const certified = await certify(`drill ${randomUUID()}`, scene.clock.now())
  await patchKeys(scene, [...before, certified.keyCredential])
  const known = new Set(before.map(({ keyId }) => keyId))
  const keyId = (await keysOf(scene)).find((key) => !known.has(key.keyId))?.keyId ?? ''
  return { keyId, certified, credential: certificate(certified) }
}

const PROOF_AUDIENCE = '00000002-0000-0000-c000-000000000000'
const PROOF_SECONDS = 300

/** Proof that its caller holds the key of a registered certificate (wire.md §13.2). */
function proofOf({ platform, clock }: Scene, { certified }: Registered): string {
  const pem = certified?.pem ?? ''
  const thumbprint = new X509Certificate(pem).fingerprint.replaceAll(':', '')
  const nbf = Math.floor(clock.now() / 1000)
  const header = { alg: 'RS256', typ: 'JWT', x5t: Buffer.from(thumbprint, 'hex').toString('base64url') }
  const claims = { aud: PROOF_AUDIENCE, iss: platform.objectId, nbf, exp: nbf + PROOF_SECONDS }
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const text = signed.join('.')
  return `${text}.${sign('sha256', Buffer.from(text), createPrivateKey(pem)).toString('base64url')}`
}
