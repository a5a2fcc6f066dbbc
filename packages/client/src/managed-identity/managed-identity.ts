import type { Authority } from '../authority/authority.ts'
import { type Clock, randomFraction, systemClock } from '../clock.ts'
import type { Environment } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { type Listener, tellAll } from '../events.ts'
import type { Identity } from '../identity/identity.ts'
import { telemetryListener } from '../telemetry/telemetry.ts'
import type { Acquire } from '../token/acquire.ts'
import { TokenCache } from '../token/cache.ts'
import { TokenKeeper } from '../token/keeper.ts'
import type { TransportOptions } from '../token/request.ts'
import { staticScope } from '../token/scope.ts'
import type { AccessToken } from '../token/slot.ts'
import { type GetTokenOptions, rememberedCheck, TenantTokens } from '../token/tenant-tokens.ts'
import type { TokenSource } from '../token/token.ts'
import type { Selection } from './acquire.ts'

/** Which managed identity, and where its tokens come from. */
export interface ManagedIdentityOptions extends TransportOptions {
  /** Where the host says how it is asked: `process.env`. It is read at the first use. */
  readonly environment: Environment
  /** Selects one of several identities by its client id. Without a selector it is the host's own, system-assigned one. */
  readonly clientId?: string | undefined
  /** Selects one by the object id of its service principal. */
  readonly objectId?: string | undefined
  /** Selects one by its Azure resource id. */
  readonly resourceId?: string | undefined
  /** The only folder that Azure Arc's key files may be in. Default: that of its agent. */
  readonly arcKeyFolder?: string | undefined
  /** Told of what happens, as by `AppIdentity`; the tenant, which is not known here, is `managed_identity`. */
  readonly onEvent?: Listener | undefined
  readonly clock?: Clock | undefined
  /** From 0 up to, not including, 1. */
  readonly random?: (() => number) | undefined
}

// Its tenant is the host's affair.
const TENANT = 'managed_identity'
const TIMEOUT_MS = 30_000
// Every source is on this machine or next to it: one that takes longer to accept a connection is not there.
const CONNECT_MS = 3_000

/**
 * The identity that an Azure host gives to the programs on it, so that they need no credential: of a virtual machine, App
 * Service, Functions, Container Apps, Azure ML, Service Fabric, Cloud Shell, or a server connected by Azure Arc
 * (wire.md §10). Which host it is, is found out at the first use.
 *
 * Tokens are kept and renewed as those of an `AppIdentity`; the host may have them in its own cache for hours, too. Callers wait for 30 s by default, and for 80 s where the
 * instance metadata service is asked, whose updates take up to 70 s. It has one tenant: `tenantId` changes nothing. `claims`
 * and `forceRefresh` pass this cache by; of the hosts' own caches only App Service's can be passed by, with `claims`.
 *
 * @throws ConfigurationError if there is more than one selector, or an empty one.
 * @example
 * ```ts
 * import { graph, ManagedIdentity } from '@tomte/client'
 * const identity = new ManagedIdentity({ environment: process.env })
 * const organization = await graph(identity).get('/organization')
 * ```
 */
export class ManagedIdentity extends TenantTokens implements Identity {
  readonly #options: ManagedIdentityOptions
  readonly #selection: Selection | undefined
  readonly #tell: Listener
  #host: Promise<Host> | undefined
  #tokenRequests = 0

  constructor(options: ManagedIdentityOptions) {
    const { clock = systemClock, random = randomFraction } = options
    const selection = selectionOf(options)
    const cache = new TokenCache()
    const observed = {
      clientId: selection?.id ?? TENANT,
      tokensCached: () => cache.size,
      credentialExpiries: () => [],
      now: () => clock.now(),
    }
    const tell = tellAll([telemetryListener(observed), options.onEvent])
    const acquire: Acquire = async (request) => (await this.#found()).acquire(request)
    const keeper = new TokenKeeper({ cache, clock, random, acquire, tell })
    super(keeper, TENANT, rememberedCheck(staticScope))
    this.#options = options
    this.#selection = selection
    this.#tell = tell
  }

  /** The client id that selects the identity, if it is selected by that. */
  get clientId(): string | undefined {
    return this.#options.clientId
  }

  /** Unknown: the host asks the authority. */
  get authority(): Authority | undefined {
    return undefined
  }

  /** How many requests for tokens the host has been sent. */
  get tokenRequests(): number {
    return this.#tokenRequests
  }

  /**
   * Returns an access token for the scope, from memory while it lasts.
   *
   * @param scopes `{resource}/.default`, alone or as the only element of a list.
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  async getToken(scopes: string | readonly string[], options: GetTokenOptions = {}): Promise<AccessToken> {
    const { claims, forceRefresh } = options
    const cached = claims === undefined && !forceRefresh ? this.cachedToken(scopes) : undefined
    return cached ?? this.askedToken(scopes, await this.#patiently(options))
  }

  override tokenSource(scope: string): TokenSource {
    const source = super.tokenSource(scope)
    return {
      token: async (ask) => this.cachedToken(scope) ?? source.token(await this.#patiently(ask ?? {})),
      tokenAfterRefusal: async (refused, ask) =>
        source.tokenAfterRefusal(refused, await this.#patiently(ask ?? {})),
    }
  }

  /** Waits as long as this kind of host may take, unless the caller says otherwise. */
  async #patiently<Asking extends { readonly timeoutMs?: number | undefined }>(ask: Asking): Promise<Asking> {
    return ask.timeoutMs === undefined ? { ...ask, timeoutMs: (await this.#found()).patienceMs } : ask
  }

  async #found(): Promise<Host> {
    this.#host ??= this.#find()
    try {
      return await this.#host
    } catch (error) {
      this.#host = undefined
      throw error
    }
  }

  async #find(): Promise<Host> {
    const { environment, arcKeyFolder, ca } = this.#options
    const { clock = systemClock, timeoutMs = TIMEOUT_MS } = this.#options
    // A program that never asks for a token does not load what knows the hosts.
    const [{ detectSource }, { identityAcquirer }] = await Promise.all([
      import('./detect.ts'),
      import('./acquire.ts'),
    ])
    const source = await detectSource(environment, { keyFolder: arcKeyFolder })
    const sent = () => {
      this.#tokenRequests += 1
    }
    const bounds = { clock, timeoutMs, connectMs: CONNECT_MS, ca }
    const options = { ...bounds, source, selection: this.#selection, tell: this.#tell, sent }
    return { acquire: identityAcquirer(options), patienceMs: source.patienceMs }
  }
}

/** What was found out about the host. */
interface Host {
  readonly acquire: Acquire
  readonly patienceMs: number
}

const SELECTORS = ['clientId', 'objectId', 'resourceId'] as const

function selectionOf(options: ManagedIdentityOptions): Selection | undefined {
  const given = SELECTORS.flatMap((by) => {
    const id = options[by]
    return id === undefined ? [] : [{ by, id }]
  })
  const [selection, ...others] = given
  if (others.length === 0 && selection?.id.trim() !== '') return selection
  throw new ConfigurationError(
    `Cannot choose a managed identity, as one selector with a value is needed, or none: found ${given.map(({ by, id }) => `${by} '${id}'`).join(' and ')}`,
    { code: 'selector_invalid', hint: 'Keep the one that is sure, and leave the others undefined' },
  )
}
