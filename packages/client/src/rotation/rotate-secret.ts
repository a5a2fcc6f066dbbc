import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { clientSecret } from '../credential/secret.ts'
import { ConfigurationError, CredentialError, ProtocolError } from '../errors.ts'
import { untilAccepted } from './acceptance.ts'
import {
  type CredentialPlace,
  ownRegistration,
  type Rotated,
  type RotationOptions,
  type Settled,
  settled,
} from './options.ts'
import { addPassword, type AddedSecret, type RegisteredCredential, removePassword } from './registration.ts'
import { type Effect, effects, underLease, walk } from './run.ts'
import { candidates, nextSecretStep, type SecretState, type SecretStep } from './secret-steps.ts'
import type { Slot } from './storage.ts'

/** How a secret is rotated. */
export type RotateSecretOptions = RotationOptions &
  CredentialPlace & {
    /**
     * Names the place of this secret in the registration, at most 200 characters: a rotation removes what bears the same name and
     * nobody can use. Default: host and file; for a storage it has to be said.
     */
    readonly owner?: string | undefined
  }

/** What became of a secret. Key ids are those of the registration. */
export interface RotatedSecret extends Rotated {
  /** Of the secret in use, where the registration tells. */
  readonly keyId: string | undefined
  /** When that one expires, in milliseconds since 1970. */
  readonly expiresAtMs: number | undefined
}

const PERMISSIONS = ['Application.ReadWrite.OwnedBy']
const OWNER_LENGTH_MAX = 200
const TRIES_MAX = 5

/**
 * Replaces the application's own client secret when it ends soon: has Graph make one (`addPassword`, wire.md §13.2), saves it,
 * waits until the token endpoint accepts it, puts it in the place of the old one, and removes that one. It runs under a lease
 * and goes on after a crash, as {@link rotate} does; a secret that was made and could not be saved is removed by the next call.
 * Other secrets are never touched. Needs `Application.ReadWrite.OwnedBy`, with the application as an owner of itself.
 *
 * @throws ConfigurationError if an option is out of its range, or the secret cannot be read or saved.
 * @throws CredentialError if two registered secrets begin with the same three characters, so that they cannot be told apart.
 * @throws PermissionError if the application may not read or change its registration.
 * @throws UnavailableError if the authority does not accept the new secret in time; the next call goes on.
 * @example
 * ```ts
 * import { AppIdentity, clientSecret } from '@tomte/client'
 * import { rotateSecret } from '@tomte/client/rotation'
 * const file = '/var/lib/nightly-sync/secret'
 * const identity = new AppIdentity({
 *   tenantId: 'contoso.example',
 *   clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
 *   credential: clientSecret({ file }),
 * })
 * const { rotated, expiresAtMs } = await rotateSecret({ identity, file })
 * ```
 */
export async function rotateSecret(options: RotateSecretOptions): Promise<RotatedSecret> {
  const settings = settled(options, PERMISSIONS)
  const displayName = `tomte rotation: ${ownerOf(options)}`
  const what = `secret of ${settings.identity.clientId}`
  const outcome = await underLease(settings.lease, what, () =>
    new SecretRotation(settings, displayName).run(),
  )
  if (outcome !== 'leased') return outcome.done
  return { rotated: false, reason: 'leased', keyId: undefined, expiresAtMs: undefined }
}

function ownerOf(options: RotateSecretOptions): string {
  const owner =
    options.owner ??
    ('file' in options ? `${hostname()} ${resolve(options.file)}`.slice(-OWNER_LENGTH_MAX) : '')
  if (owner !== '' && owner.length <= OWNER_LENGTH_MAX) return owner
  throw new ConfigurationError(
    `Cannot rotate the secret, as an owner of 1 to ${OWNER_LENGTH_MAX} characters is needed: found ${owner.length}`,
    {
      code: 'rotation_option_invalid',
      hint: 'Name the place of this secret, for example the vault and the secret’s name there',
    },
  )
}

class SecretRotation {
  readonly #settings: Settled
  readonly #displayName: string
  readonly #effect: Effect
  #objectId = ''
  // Read once, since the directory may take a while to show what it has done.
  #registered: readonly RegisteredCredential[] = []
  #slots: {
    readonly current: string
    readonly next?: string | undefined
    readonly previous?: string | undefined
  } = {
    current: '',
  }
  #accepted: string | undefined
  #isDone = false
  #reason: Rotated['reason'] = 'not_due'

  constructor(settings: Settled, displayName: string) {
    this.#settings = settings
    this.#displayName = displayName
    this.#effect = effects(settings.onStep)
  }

  async run(): Promise<RotatedSecret> {
    await this.#settings.storage.clear?.()
    await this.#look()
    const { objectId, credentials } = await ownRegistration(this.#settings)
    this.#objectId = objectId
    this.#registered = credentials.filter(({ kind }) => kind === 'secret')
    await walk(this.#settings, async () => {
      await this.#look()
      this.#assertDistinct()
      const step = nextSecretStep(this.#state())
      return step && (() => this.#take(step))
    })
    const [own] = candidates(this.#slots.current, this.#registered)
    return { rotated: this.#isDone, reason: this.#reason, keyId: own?.keyId, expiresAtMs: own?.expiresAtMs }
  }

  async #look(): Promise<void> {
    const [current, next, previous] = await Promise.all([
      this.#load('current'),
      this.#load('next'),
      this.#load('previous'),
    ])
    if (current) {
      this.#slots = { current, next, previous }
      return
    }
    throw new ConfigurationError(
      'Cannot rotate the client secret, as one is needed that the application uses: found none',
      { code: 'secret_missing', hint: 'Make a first secret for the application and put its value there' },
    )
  }

  async #load(slot: Slot): Promise<string | undefined> {
    const content = await this.#settings.storage.load(slot)
    return content && Buffer.from(content).toString('utf8').trim()
  }

  /** What is in a slot must be one registered secret, or none: the wrong one would be removed. */
  #assertDistinct(): void {
    for (const text of Object.values(this.#slots)) {
      const found = text === undefined ? [] : candidates(text, this.#registered)
      if (found.length <= 1) continue
      throw new CredentialError(
        `Cannot rotate the client secret, as its first three characters must tell it from others of the application: found them on ${found.map(({ keyId }) => keyId).join(', ')}`,
        { code: 'secret_ambiguous', hint: 'Remove those of these that are not in use from the registration' },
      )
    }
  }

  #state(): SecretState {
    const { clock, leadMs, force } = this.#settings
    const { current, next, previous } = this.#slots
    return {
      current,
      next,
      previous,
      registered: this.#registered,
      displayName: this.#displayName,
      isAccepted: next !== undefined && next === this.#accepted,
      soonMs: clock.now() + leadMs,
      force,
      isDone: this.#isDone,
    }
  }

  async #take(step: SecretStep): Promise<void> {
    const { force } = this.#settings
    if (this.#reason === 'not_due') this.#reason = step.kind !== 'make' ? 'resumed' : force ? 'forced' : 'due'
    const { current, next = '', previous } = this.#slots
    switch (step.kind) {
      case 'make':
        return this.#make()
      case 'accept':
        await untilAccepted(clientSecret(next), this.#settings)
        this.#accepted = next
        return
      case 'keep':
        return this.#save('previous', current)
      case 'promote':
        return this.#save('current', next)
      case 'unregisterPrevious':
        await this.#settings.clock.sleep(this.#settings.overlapMs, this.#settings.signal)
        return this.#unregister(step.keyId)
      case 'unregisterOrphan':
        return this.#unregister(step.keyId)
      case 'discardNext':
        return this.#discard('next')
      case 'discardPrevious':
        this.#isDone ||= previous !== current
        return this.#discard('previous')
    }
  }

  async #make(): Promise<void> {
    const { text } = await this.#distinctSecret()
    await this.#save('next', text)
  }

  /** A secret whose hint no other has; of 200,000 one is made again. */
  async #distinctSecret(): Promise<AddedSecret> {
    const { directory, clock, lifetimeMs } = this.#settings
    for (let tried = 0; tried < TRIES_MAX; tried += 1) {
      const wanted = { displayName: this.#displayName, endsAtMs: clock.now() + lifetimeMs }
      const added = await this.#effect('addPassword', () => addPassword(directory, this.#objectId, wanted))
      const { text: _, ...entry } = added
      if (candidates(added.text, this.#registered).length === 0) {
        this.#registered = [...this.#registered, entry]
        return added
      }
      await this.#unregister(added.keyId)
    }
    throw new ProtocolError(
      `Cannot rotate the client secret, as a new one must begin with other characters than the ones before: found the same ${TRIES_MAX} times`,
      { code: 'secret_ambiguous', hint: 'Check that the directory is Microsoft Graph, or speaks like it' },
    )
  }

  async #unregister(keyId: string): Promise<void> {
    const { directory } = this.#settings
    await this.#effect('removePassword', () => removePassword(directory, this.#objectId, keyId))
    this.#registered = this.#registered.filter((one) => one.keyId !== keyId)
  }

  #save(slot: Slot, text: string): Promise<void> {
    return this.#effect(`save ${slot}`, () => this.#settings.storage.save(slot, Buffer.from(text)))
  }

  #discard(slot: 'next' | 'previous'): Promise<void> {
    return this.#effect(`remove ${slot}`, () => this.#settings.storage.remove(slot))
  }
}
