import type { FastifyRequest } from 'fastify'
import { PageRefusal, queryTextOf } from '../portal/browser-rules.ts'
import { isAdministratorOf, type SignedIn } from '../portal/sign-in.ts'
import { findTenant, type Tenant } from '../registration/tenants.ts'
import type { Services } from '../services.ts'
import { type Client, findClient } from '../token/client.ts'
import { type Form, readForm, required } from '../token/parse.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { isTemplate, requireTenant } from '../token/tenant.ts'
import { type ConsentRedirect, isRegistered } from './redirect.ts'

/** The two consent endpoints of wire.md §9: the second says by `scope` what is to be granted. */
export type ConsentVersion = 1 | 2

/** A request of the consent page. */
export type ConsentRequest = FastifyRequest<{ Params: { tenant: string } }>

/** Who asks, and where. */
export interface Parties {
  readonly tenant: Tenant
  readonly client: Client
  /** The tenant that the application belongs to, if it is one of this platform's. */
  readonly publisher: Tenant | undefined
  readonly redirect: ConsentRedirect | undefined
}

type Known = Pick<Services, 'db' | 'cache'>

/** Whether the link names no tenant, so that the tenant of whoever signs in is meant. */
export const isForAnyTenant = ({ params }: ConsentRequest): boolean => isTemplate(params.tenant)

/**
 * The steps that stand before any decision; each may refuse. `who` must have signed in if the link is for any tenant.
 *
 * @throws TokenRefusal 900023, 90002, 900144, 700016, 70011; PageRefusal 400 for an address that is not registered.
 */
export async function readParties(
  { db, cache }: Known,
  request: ConsentRequest,
  version: ConsentVersion,
  who?: SignedIn,
): Promise<Parties> {
  const name = isForAnyTenant(request) && who ? who.homeTenantId : request.params.tenant
  const tenant = await requireTenant(cache, name)
  const query = readForm(queryTextOf(request))
  const client = await findClient(cache, required(query, 'client_id'), tenant.id)
  if (version === 2) checkScope(required(query, 'scope'))
  const publisher = await findTenant(db, client.homeTenantId)
  return {
    tenant,
    client,
    publisher,
    redirect: await readRedirect({ db, cache }, query, { client, version }),
  }
}

const OPENID_SCOPES: readonly string[] = ['openid', 'profile', 'email', 'offline_access']

/** What is granted is what the registration asks for: permissions that a link names are not read (wire.md §9). */
function checkScope(scope: string): void {
  const asked = scope.split(' ').filter((part) => part !== '' && !OPENID_SCOPES.includes(part))
  if (asked.length > 0 && asked.every((part) => part === '.default' || part.endsWith('/.default'))) return
  throw new TokenRefusal(70011, { scope })
}

/** Where to go afterwards, if the request says so. A person is sent nowhere that the application has not registered. */
async function readRedirect(
  { db }: Known,
  query: Form,
  { client, version }: { readonly client: Client; readonly version: ConsentVersion },
): Promise<ConsentRedirect | undefined> {
  const { redirect_uri: uri, state } = query
  if (uri === undefined) return undefined
  if (await isRegistered(db, client.id, uri)) return { uri, state, version }
  throw new PageRefusal(
    400,
    `AADSTS50011: The redirect URI '${uri.slice(0, 300)}' specified in the request does not match the ` +
      `redirect URIs configured for the application '${client.appId}'. Nothing was changed.`,
  )
}

/** Whether somebody may decide this. */
export const mayDecide = (who: SignedIn, { tenant }: Parties): boolean => isAdministratorOf(who, tenant.id)
