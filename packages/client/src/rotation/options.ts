import type { Api } from '../call/api.ts'
import { graph } from '../call/graph.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ConfigurationError, PermissionError } from '../errors.ts'
import type { AppIdentity } from '../identity/app-identity.ts'
import { fileLease, type RotationLease } from './lease.ts'
import { readRegistration, type Registration } from './registration.ts'
import type { RotationStep } from './run.ts'
import { credentialFiles, type CredentialStorage } from './storage.ts'

/** Where the credential is: a file, or a storage of your own. */
export type CredentialPlace =
  | {
      /** Its `FILE.next`, `FILE.previous` and `FILE.lease` are beside it while a rotation runs. */
      readonly file: string
      /** Lets one process at a time rotate. Default: a file beside the credential. */
      readonly lease?: RotationLease | undefined
    }
  | { readonly storage: CredentialStorage; readonly lease: RotationLease }

/** What certificates and secrets have in common when they are rotated. */
export interface RotationOptions {
  /** The application, which uses the very credential that is rotated. */
  readonly identity: AppIdentity
  /** Microsoft Graph, or a directory that speaks like it. Default: Graph in the identity's cloud. */
  readonly directory?: Api | undefined
  /** How long the new credential is valid, in days, from 1 to 3,650. Default 90. */
  readonly lifetimeDays?: number | undefined
  /** Nothing is done while the credential is valid for more days than this, which is less than `lifetimeDays`. Default 30. */
  readonly rotateWhenDaysLeft?: number | undefined
  /** Rotates however long the credential is valid. Default false. */
  readonly force?: boolean | undefined
  /** The scope of the tokens by which the new credential is tried. Default: Graph's. */
  readonly scope?: string | undefined
  /** For how long the token endpoint may not know the new credential yet. Default 300,000 ms. */
  readonly replicationMs?: number | undefined
  /**
   * How long the old credential stays registered once the new one is in place: for requests that are under way, and for
   * processes that have yet to read the new one. Default 60,000 ms, at most 900,000.
   */
  readonly overlapMs?: number | undefined
  /** Told before and after each thing that is done, for a log. */
  readonly onStep?: ((step: RotationStep) => void) | undefined
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}

/** What a rotation has done. */
export interface Rotated {
  /** Whether the application has another credential now. */
  readonly rotated: boolean
  /**
   * `due`: the old one would have ended soon. `forced`: it was asked for. `resumed`: an earlier rotation was interrupted, and
   * is finished. `not_due`: nothing was to be done. `leased`: another process is rotating.
   */
  readonly reason: 'due' | 'forced' | 'resumed' | 'not_due' | 'leased'
}

const DAY_MS = 86_400_000
const LIFETIME_MAX_DAYS = 3_650
const OVERLAP_MAX_MS = 900_000

/** The options with their defaults. */
export interface Settled {
  readonly identity: AppIdentity
  readonly directory: Api
  readonly storage: CredentialStorage
  readonly lease: RotationLease
  readonly lifetimeMs: number
  readonly leadMs: number
  readonly force: boolean
  readonly scope: string | undefined
  readonly replicationMs: number
  readonly overlapMs: number
  readonly onStep: RotationOptions['onStep']
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
}

/** Checks the options. @throws ConfigurationError if a number is out of its range. */
export function settled(options: RotationOptions & CredentialPlace, permissions: readonly string[]): Settled {
  const { identity, clock = systemClock, lifetimeDays = 90, rotateWhenDaysLeft = 30 } = options
  const lifetime = within('lifetimeDays', lifetimeDays, 1, LIFETIME_MAX_DAYS)
  const place = 'file' in options ? filePlace(options, clock) : options
  return {
    identity,
    directory: options.directory ?? graph(identity, { permissions }),
    storage: place.storage,
    lease: place.lease,
    lifetimeMs: lifetime * DAY_MS,
    leadMs: within('rotateWhenDaysLeft', rotateWhenDaysLeft, 0, lifetime - 0.5) * DAY_MS,
    force: options.force ?? false,
    scope: options.scope,
    replicationMs: within('replicationMs', options.replicationMs ?? 300_000, 0, OVERLAP_MAX_MS),
    overlapMs: within('overlapMs', options.overlapMs ?? 60_000, 0, OVERLAP_MAX_MS),
    onStep: options.onStep,
    signal: options.signal,
    clock,
  }
}

function filePlace(
  { file, lease }: { readonly file: string; readonly lease?: RotationLease | undefined },
  clock: Clock,
) {
  return { storage: credentialFiles(file), lease: lease ?? fileLease(file, clock) }
}

/** A number of an option. @throws ConfigurationError if it is out of its range. */
export function within(name: string, value: number, min: number, max: number): number {
  if (Number.isFinite(value) && value >= min && value <= max) return value
  throw new ConfigurationError(
    `Cannot rotate with ${name} ${value}, as a number from ${min} to ${max} is needed`,
    { code: 'rotation_option_invalid', hint: 'Leave it out: the default suits most applications' },
  )
}

/** The registration of the application, which has to be known. @throws PermissionError with what to grant. */
export async function ownRegistration({ directory, identity }: Settled): Promise<Registration> {
  try {
    return await readRegistration(directory, identity.clientId)
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error
    throw new PermissionError(
      `Cannot rotate a credential of application '${identity.clientId}', as it must read its own registration: found no permission to`,
      {
        code: error.code,
        hint: 'Make the application an owner of itself and grant it Application.ReadWrite.OwnedBy; for certificates Application.Read.All does too',
        cause: error,
      },
    )
  }
}
