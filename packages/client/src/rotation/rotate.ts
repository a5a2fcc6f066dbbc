import { ApiError } from '../call/errors.ts'
import { type KeyedCertificate, readKeyed } from '../credential/certificate-file.ts'
import { certificate } from '../credential/certificate.ts'
import { ConfigurationError, CredentialError } from '../errors.ts'
import { untilAccepted } from './acceptance.ts'
import { type CertificateState, nextCertificateStep, type CertificateStep } from './certificate-steps.ts'
import { newCertificate } from './new-certificate.ts'
import {
  type CredentialPlace,
  ownRegistration,
  type Rotated,
  type RotationOptions,
  type Settled,
  settled,
  within,
} from './options.ts'
import { proofOfPossession } from './proof.ts'
import { addKey, removeKey } from './registration.ts'
import { type Effect, effects, underLease, walk } from './run.ts'
import type { Slot } from './storage.ts'

/** How a certificate is rotated. */
export type RotateOptions = RotationOptions &
  CredentialPlace & {
    /** Opens the private key, and encrypts the new one. Default: it is not encrypted. */
    readonly password?: string | undefined
    /** The size of the new RSA key. From 2,048 to 8,192 bits, default 2,048. */
    readonly keyBits?: number | undefined
  }

/** What became of a certificate. Thumbprints are SHA-1 in upper-case hexadecimal, as the portal shows them. */
export interface RotatedCertificate extends Rotated {
  /** Of the certificate before, if it was replaced. */
  readonly oldThumbprint: string | undefined
  /** Of the certificate in use; `undefined` while another process is rotating. */
  readonly newThumbprint: string | undefined
  /** When that one expires, in milliseconds since 1970. */
  readonly expiresAtMs: number | undefined
}

const KEY_BITS_MIN = 2_048
const KEY_BITS_MAX = 8_192
// The clocks of client and server differ a little, and a certificate is to be valid at once.
const BACKDATED_MS = 300_000
const DISPLAY_NAME = 'tomte rotation'
const PERMISSIONS = ['Application.ReadWrite.OwnedBy']

/**
 * Replaces the application's own certificate when it ends soon: saves a new key, has Graph add it on the word of the old one
 * (`addKey` with proof of possession, wire.md §13.2), waits until the token endpoint accepts it, puts it in the place of the
 * old one, and removes that one. No call fails meanwhile. It runs under a lease; after a crash at any point the application
 * still gets tokens, and the next call goes on from there. Certificates that are in none of the slots are never touched.
 *
 * The application has to read its own registration (`Application.ReadWrite.OwnedBy` as an owner of itself, or
 * `Application.Read.All`). Needs the packages @peculiar/x509 and reflect-metadata, which you install.
 *
 * @throws ConfigurationError if an option is out of its range, the certificate cannot be read or saved, or a package is missing.
 * @throws CredentialError if the current certificate is not registered or proves nothing any more: an administrator has to act.
 * @throws PermissionError if the application may not read its registration.
 * @throws UnavailableError if the authority does not accept the new key in time; the next call goes on.
 * @example
 * ```ts
 * import { AppIdentity, certificate } from '@tomte/client'
 * import { rotate } from '@tomte/client/rotation'
 * const file = '/var/lib/nightly-sync/daemon.pem'
 * const identity = new AppIdentity({
 *   tenantId: 'contoso.example',
 *   clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
 *   credential: certificate({ file }),
 * })
 * const { rotated, expiresAtMs } = await rotate({ identity, file })
 * ```
 */
export async function rotate(options: RotateOptions): Promise<RotatedCertificate> {
  const { keyBits = KEY_BITS_MIN, password } = options
  const settings = settled(options, PERMISSIONS)
  const made = { keyBits: within('keyBits', keyBits, KEY_BITS_MIN, KEY_BITS_MAX), password }
  const what = `certificate of ${settings.identity.clientId}`
  const outcome = await underLease(settings.lease, what, () => new CertificateRotation(settings, made).run())
  if (outcome !== 'leased') return outcome.done
  return {
    rotated: false,
    reason: 'leased',
    oldThumbprint: undefined,
    newThumbprint: undefined,
    expiresAtMs: undefined,
  }
}

interface Held extends KeyedCertificate {
  readonly content: Uint8Array
  readonly thumbprint: string
}

interface Made {
  readonly keyBits: number
  readonly password: string | undefined
}

class CertificateRotation {
  readonly #settings: Settled
  readonly #made: Made
  readonly #effect: Effect
  #objectId = ''
  // What is registered: read once, since the directory may take a while to show what it has done.
  readonly #registered = new Map<string, readonly string[]>()
  readonly #accepted = new Set<string>()
  #held: { current: Held; next?: Held | undefined; previous?: Held | undefined } | undefined
  #reason: Rotated['reason'] = 'not_due'
  #oldThumbprint: string | undefined

  constructor(settings: Settled, made: Made) {
    this.#settings = settings
    this.#made = made
    this.#effect = effects(settings.onStep)
  }

  async run(): Promise<RotatedCertificate> {
    const { storage } = this.#settings
    await storage.clear?.()
    await this.#look()
    // A certificate that is good for long needs no call to anybody.
    if (nextCertificateStep(this.#state()) !== undefined) {
      await this.#readRegistration()
      await walk(this.#settings, async () => {
        await this.#look()
        const step = nextCertificateStep(this.#state())
        return step && (() => this.#take(step))
      })
    }
    const { certificate: own, thumbprint } = this.#current
    return {
      rotated: this.#oldThumbprint !== undefined,
      reason: this.#reason,
      oldThumbprint: this.#oldThumbprint,
      newThumbprint: thumbprint,
      expiresAtMs: own.notAfterMs,
    }
  }

  get #current(): Held {
    if (this.#held) return this.#held.current
    throw new ConfigurationError(
      'Cannot rotate the certificate, as one is needed that the application uses: found none',
      {
        code: 'certificate_missing',
        hint: 'Register a first certificate on the application and put it there with its key',
      },
    )
  }

  async #look(): Promise<void> {
    const [current, next, previous] = await Promise.all([
      this.#load('current'),
      this.#load('next'),
      this.#load('previous'),
    ])
    this.#held = current && { current, next, previous }
  }

  async #load(slot: Slot): Promise<Held | undefined> {
    const content = await this.#settings.storage.load(slot)
    if (content === undefined) return undefined
    const { password } = this.#made
    const keyed = await readKeyed(Buffer.from(content), password, `the slot '${slot}' of the rotation`)
    return { ...keyed, content, thumbprint: hexOf(keyed.certificate.thumbprintSha1) }
  }

  async #readRegistration(): Promise<void> {
    const { objectId, credentials } = await ownRegistration(this.#settings)
    this.#objectId = objectId
    for (const { thumbprint, keyId } of credentials)
      if (thumbprint) this.#registered.set(thumbprint, [...(this.#registered.get(thumbprint) ?? []), keyId])
  }

  #state(): CertificateState {
    const { clock, leadMs, force } = this.#settings
    const { next, previous } = this.#held ?? {}
    const current = this.#current
    const soonMs = clock.now() + leadMs
    return {
      current: current.thumbprint,
      next: next?.thumbprint,
      previous: previous?.thumbprint,
      isRegistered: (thumbprint) => this.#registered.has(thumbprint),
      isAccepted: (thumbprint) => this.#accepted.has(thumbprint),
      isNextOutdated: next !== undefined && next.certificate.notAfterMs <= soonMs,
      isDue: this.#oldThumbprint === undefined && (force || current.certificate.notAfterMs <= soonMs),
    }
  }

  async #take(step: CertificateStep): Promise<void> {
    const { force } = this.#settings
    if (this.#reason === 'not_due') this.#reason = step !== 'make' ? 'resumed' : force ? 'forced' : 'due'
    await this.#steps[step]()
  }

  readonly #steps: Readonly<Record<CertificateStep, () => Promise<void>>> = {
    make: () => this.#make(),
    add: () => this.#add(this.#slot('next')),
    accept: () => this.#accept(this.#slot('next')),
    keep: () => this.#save('previous', this.#current.content),
    promote: () => this.#promote(this.#slot('next')),
    unregisterPrevious: async () => {
      const { clock, overlapMs, signal } = this.#settings
      await clock.sleep(overlapMs, signal)
      await this.#unregister(this.#slot('previous').thumbprint)
    },
    unregisterNext: () => this.#unregister(this.#slot('next').thumbprint),
    discardNext: () => this.#discard('next'),
    discardPrevious: async () => {
      const { thumbprint } = this.#slot('previous')
      if (thumbprint !== this.#current.thumbprint) this.#oldThumbprint = thumbprint
      await this.#discard('previous')
    },
  }

  #slot(slot: 'next' | 'previous'): Held {
    const held = this.#held?.[slot]
    if (held) return held
    throw new RangeError(`Cannot take a step of the rotation without its slot '${slot}'`)
  }

  async #make(): Promise<void> {
    const { clock, lifetimeMs, identity } = this.#settings
    const nowMs = clock.now()
    const pem = await newCertificate({
      ...this.#made,
      clientId: identity.clientId,
      notBeforeMs: nowMs - BACKDATED_MS,
      notAfterMs: nowMs + lifetimeMs,
    })
    await this.#save('next', Buffer.from(pem))
  }

  async #add(next: Held): Promise<void> {
    const { directory } = this.#settings
    const der = next.certificate.chain[0] ?? ''
    const body = { der, displayName: DISPLAY_NAME, proof: await this.#proof() }
    const keyId = await this.#effect('addKey', () => addKey(directory, this.#objectId, body)).catch(
      (error: unknown) => {
        // A run that was interrupted has added it, and the directory did not show it yet.
        if (error instanceof ApiError && error.status === 409) return undefined
        throw proofRefused(error)
      },
    )
    this.#registered.set(next.thumbprint, keyId === undefined ? [] : [keyId])
  }

  async #accept(next: Held): Promise<void> {
    const { password } = this.#made
    const pem = Buffer.from(next.content).toString('utf8')
    await untilAccepted(certificate({ pem, password }), this.#settings)
    this.#accepted.add(next.thumbprint)
  }

  async #promote(next: Held): Promise<void> {
    await this.#save('current', next.content)
  }

  async #unregister(thumbprint: string): Promise<void> {
    const { directory } = this.#settings
    for (const keyId of this.#registered.get(thumbprint) ?? []) {
      const body = { keyId, proof: await this.#proof() }
      await this.#effect('removeKey', () => removeKey(directory, this.#objectId, body)).catch(
        (error: unknown) => {
          throw proofRefused(error)
        },
      )
    }
    this.#registered.delete(thumbprint)
  }

  /** The word of the current certificate, which has to be registered for that, and is never left without a successor. */
  async #proof(): Promise<string> {
    const { clock, identity } = this.#settings
    const current = this.#current
    if (this.#registered.has(current.thumbprint))
      return proofOfPossession(current, this.#objectId, clock.now())
    throw new CredentialError(
      `Cannot rotate the certificate ${current.thumbprint}, as it must be registered on application '${identity.clientId}': found ${this.#registered.size} others there`,
      {
        code: 'certificate_not_registered',
        hint: 'An administrator has to register it: without a registered key nothing proves the new one',
      },
    )
  }

  #save(slot: Slot, content: Uint8Array): Promise<void> {
    return this.#effect(`save ${slot}`, () => this.#settings.storage.save(slot, content))
  }

  #discard(slot: 'next' | 'previous'): Promise<void> {
    return this.#effect(`remove ${slot}`, () => this.#settings.storage.remove(slot))
  }
}

const hexOf = (base64url: string) => Buffer.from(base64url, 'base64url').toString('hex').toUpperCase()

/** Graph refuses a proof with 401, which a new access token does not mend. */
function proofRefused(error: unknown): unknown {
  if (!(error instanceof ApiError) || error.status !== 401) return error
  return new CredentialError(
    `Cannot rotate the certificate, as the directory must accept the proof of the current key: ${error.message}`,
    {
      code: 'proof_refused',
      hint: 'Compare the clock with the server’s; if the certificate has expired, an administrator has to register a new one',
      cause: error,
    },
  )
}
