import type { Api } from '../call/api.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ExpiryNotices } from '../credential/expiry.ts'
import type { Listener } from '../events.ts'
import { type RegisteredCredential, registeredCredentials } from './registration.ts'

/** Whose registration is watched, and who is told. */
export interface RegistrationWatchOptions {
  /** Microsoft Graph, or a directory that speaks like it, as the application sees it. */
  readonly directory: Api
  /** The application (client) id. */
  readonly clientId: string
  /** Told of each credential 30, 7 and 1 days before its end, and at its end, once each. */
  readonly onEvent: Listener
  readonly clock?: Pick<Clock, 'now'> | undefined
}

/** Looks at a registration whenever it is asked to. */
export interface RegistrationWatch {
  /**
   * Reads the registration, tells of the ends that are near, and returns what is registered; `undefined` where the application
   * may not read it. Once a day is enough.
   *
   * @throws TomteError one of its subclasses if the directory answers otherwise.
   */
  check(): Promise<readonly RegisteredCredential[] | undefined>
}

/**
 * Announces the ends of an application's credentials from its registration, which knows that of a secret as well.
 *
 * @example
 * ```ts
 * import { AppIdentity, graph, identityFromEnvironment } from '@tomte/client'
 * import { registrationWatch } from '@tomte/client/rotation'
 * const identity = new AppIdentity(identityFromEnvironment(process.env))
 * const watch = registrationWatch({
 *   directory: graph(identity),
 *   clientId: identity.clientId,
 *   onEvent: (event) => console.warn(event),
 * })
 * await watch.check()
 * ```
 */
export function registrationWatch(options: RegistrationWatchOptions): RegistrationWatch {
  const { directory, clientId, onEvent, clock = systemClock } = options
  const notices = new ExpiryNotices<string>()
  return {
    async check() {
      const registered = await registeredCredentials(directory, clientId)
      if (registered === undefined) return undefined
      notices.keep(registered.map(({ keyId }) => keyId))
      for (const { keyId, expiresAtMs } of registered) {
        if (expiresAtMs === undefined) continue
        const daysLeft = notices.due(keyId, expiresAtMs, clock.now())
        if (daysLeft !== undefined)
          onEvent({ type: 'credential_expiring', credential: keyId, expiresAtMs, daysLeft })
      }
      return registered
    },
  }
}
