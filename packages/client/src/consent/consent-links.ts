import { randomBytes, timingSafeEqual } from 'node:crypto'
import { authority, PUBLIC_CLOUD } from '../authority/authority.ts'
import { tenantName } from '../authority/tenant.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ConfigurationError, PermissionError, ProtocolError } from '../errors.ts'

/** Whose links they are, and where administrators come back to. */
export interface ConsentLinksOptions {
  readonly clientId: string
  /** Where the administrator comes back to; registered on the application, letter by letter. */
  readonly redirectUri: string
  /** Default: the public cloud, https://login.microsoftonline.com. */
  readonly authorityHost?: string | undefined
  /** How long a link can be used. Default 3,600,000 ms. */
  readonly lifetimeMs?: number | undefined
  readonly clock?: Clock | undefined
}

/** A link that was given to somebody, until it comes back. */
interface OpenLink {
  readonly startedBy: string
  readonly tenant: string
  readonly endsAtMs: number
}

/** An administrator's consent, as the redirect tells it. */
export interface Consent {
  /** Whose tenant the link was made for: agreed beforehand. */
  readonly tenant: string
  /**
   * The tenant's id as the redirect names it. It came through a browser and proves nothing by itself: `confirmed` says
   * whether it is the id that was agreed beforehand.
   */
  readonly tenantId: string
  /** `false` if a person has to confirm that `tenantId` is `tenant` before it is used. */
  readonly confirmed: boolean
}

const LIFETIME_MS = 60 * 60 * 1000
const LINKS_MAX = 10_000
const STATE_BYTES = 32
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Makes links by which administrators of other tenants approve an application, and checks what comes back (wire.md §9). Each
 * link carries a random state that can be used once, within its lifetime, by whoever started it (RFC 6749 §10.12).
 *
 * @throws ConfigurationError if the authority host or the redirect URI cannot be one.
 * @example
 * ```ts
 * import { ConsentLinks } from '@tomte/client'
 * const links = new ConsentLinks({
 *   clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
 *   redirectUri: 'https://reports.example/consented',
 * })
 * const url = links.start({ tenant: 'contoso.example', startedBy: 'session 7' })
 * // … the administrator comes back:
 * const consent = links.finish('https://reports.example/consented?tenant=…&state=…', { startedBy: 'session 7' })
 * if (consent.confirmed) console.log(`${consent.tenantId} is on board`)
 * ```
 */
export class ConsentLinks {
  readonly #options: ConsentLinksOptions
  readonly #clock: Clock
  readonly #open = new Map<string, OpenLink>()

  constructor(options: ConsentLinksOptions) {
    const { redirectUri } = options
    if (!URL.canParse(redirectUri) || redirectUri.includes('#')) {
      throw new ConfigurationError(
        `Cannot use the redirect URI, as it must be a URL without a fragment: found '${redirectUri}'`,
        {
          code: 'redirect_uri_invalid',
          hint: 'Give the URI that is registered on the application',
        },
      )
    }
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /**
   * Returns the link for an administrator of `tenant`, which is agreed with them beforehand.
   *
   * @param link.startedBy who may finish it, for example the session that asked for it.
   * @throws ConfigurationError if the tenant cannot be one.
   */
  start({ tenant, startedBy }: { readonly tenant: string; readonly startedBy: string }): string {
    const { clientId, redirectUri, authorityHost = PUBLIC_CLOUD, lifetimeMs = LIFETIME_MS } = this.#options
    const target = authority(authorityHost, tenant)
    const state = randomBytes(STATE_BYTES).toString('base64url')
    this.#makeRoom()
    this.#open.set(state, { startedBy, tenant: target.tenant, endsAtMs: this.#clock.now() + lifetimeMs })
    const url = new URL(target.adminConsentUrl(clientId))
    url.searchParams.set('redirect_uri', redirectUri)
    url.searchParams.set('state', state)
    return url.href
  }

  /**
   * Checks the redirect with which the administrator came back. The link cannot be used again, whatever comes of it.
   *
   * @throws ProtocolError if the address is not the redirect URI or the state is not that of an open link of `startedBy`.
   * @throws PermissionError if the administrator refused.
   */
  finish(redirect: string, { startedBy }: { readonly startedBy: string }): Consent {
    const url = this.#checkedAddress(redirect)
    const link = this.#take(url.searchParams.get('state') ?? '', startedBy)
    const error = url.searchParams.get('error')
    if (error !== null) throw refused(link.tenant, error, url.searchParams.get('error_description'))
    const tenantId = (url.searchParams.get('tenant') ?? '').toLowerCase()
    if (url.searchParams.get('admin_consent')?.toLowerCase() !== 'true' || !GUID.test(tenantId)) {
      throw untrusted('it says neither that consent was given, with a tenant id, nor why not')
    }
    return { tenant: link.tenant, tenantId, confirmed: link.tenant === tenantName(tenantId) }
  }

  #checkedAddress(redirect: string): URL {
    const expected = new URL(this.#options.redirectUri)
    const url = URL.canParse(redirect, expected.href) ? new URL(redirect, expected.href) : undefined
    if (url?.origin === expected.origin && url.pathname === expected.pathname) return url
    throw untrusted('it is not the redirect URI')
  }

  #take(state: string, startedBy: string): OpenLink {
    const link = this.#open.get(state)
    this.#open.delete(state)
    if (!link) throw untrusted('its state belongs to no open link: it was used already, or is none of ours')
    if (link.endsAtMs <= this.#clock.now()) throw untrusted('its link is no longer valid')
    if (!sameText(link.startedBy, startedBy)) throw untrusted('its link was started by somebody else')
    return link
  }

  /** Links that nobody comes back with must not fill the memory: the expired go, then the oldest. */
  #makeRoom(): void {
    if (this.#open.size < LINKS_MAX) return
    const nowMs = this.#clock.now()
    for (const [state, { endsAtMs }] of this.#open) if (endsAtMs <= nowMs) this.#open.delete(state)
    for (const state of this.#open.keys()) {
      if (this.#open.size < LINKS_MAX) break
      this.#open.delete(state)
    }
  }
}

function sameText(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)]
  return first.length === second.length && timingSafeEqual(first, second)
}

function untrusted(found: string): ProtocolError {
  return new ProtocolError(`Cannot accept the consent redirect, as it must answer a link of ours: ${found}`, {
    code: 'consent_redirect_untrusted',
    hint: 'Make a new link and let the administrator follow it',
  })
}

const DESCRIPTION_LENGTH_MAX = 300

function refused(tenant: string, error: string, description: string | null): PermissionError {
  const said =
    (description ?? 'no reason was given').split(/[\r\n]/, 1)[0]?.slice(0, DESCRIPTION_LENGTH_MAX) ?? ''
  return new PermissionError(
    `Cannot work in tenant '${tenant}', as its administrator has to consent: ${error.slice(0, 100)}: ${said}`,
    {
      code: 'consent_refused',
      hint: 'Talk to the administrator; a new link can be made at any time',
    },
  )
}
