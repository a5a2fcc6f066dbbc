import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Now } from '../clock.ts'
import { queryTextOf } from '../portal/browser-rules.ts'
import type { ReadCache } from '../store/read-cache.ts'
import { readForm } from '../token/parse.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { refusalIds } from '../token/request-ids.ts'
import { sendRefusal } from '../token/routes.ts'
import { isTemplate, requireTenant } from '../token/tenant.ts'
import { instanceDocument } from './instance.ts'
import { ANY_TENANT, type Described, issuerV2, metadataV1, metadataV2 } from './metadata.ts'
import { jwk } from './signing-key.ts'
import { KEYS_PUBLISHED_BEFORE_USE_MS, type SigningKeys } from './signing-keys.ts'

export interface Discovery {
  readonly cache: ReadCache
  readonly keys: SigningKeys
  readonly originFor: (host: string | undefined) => string
  readonly hosts: () => readonly string[]
  readonly now: Now
}

type TenantRequest = FastifyRequest<{ Params: { tenant: string } }>

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Registers the discovery and keys documents of v1.0 and v2.0 for each tenant and for all, and instance discovery (wire.md §7). */
export function discoveryRoutes(app: FastifyInstance, discovery: Discovery): void {
  const { keys, hosts } = discovery
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof TokenRefusal)) throw error
    return sendRefusal(reply, error, refusalIds(request, discovery))
  })
  app.addHook('onSend', async (_request, reply) => keepWhile(reply))
  app.get('/common/discovery/instance', async (request) =>
    instanceDocument(readForm(queryTextOf(request)), hosts()),
  )
  app.get('/:tenant/v2.0/.well-known/openid-configuration', async (request: TenantRequest) =>
    metadataV2(await describe(discovery, request)),
  )
  app.get('/:tenant/.well-known/openid-configuration', async (request: TenantRequest) => {
    const about = await describe(discovery, request)
    // An SDK that comes by this name asks here, whatever version it means to speak (clients.md, door 1).
    return isFirst(request) ? metadataV2(about) : metadataV1(about)
  })
  app.get('/:tenant/discovery/v2.0/keys', async (request: TenantRequest) => {
    const about = await describe(discovery, request)
    const issuerOf = (tenantId: string) => issuerV2(about.origin, tenantId)
    const shared = keys.jwks(issuerOf(about.template ? ANY_TENANT : about.tenant))
    return { keys: [...(await ownKeys(keys, about, issuerOf)), ...shared] }
  })
  app.get('/:tenant/discovery/keys', async (request: TenantRequest) => {
    const about = await describe(discovery, request)
    return { keys: [...(await ownKeys(keys, about, () => undefined)), ...keys.jwks(undefined)] }
  })
}

/** The keys of the application that `appid` names: each is for one tenant, whichever was asked for. */
async function ownKeys(
  { own }: SigningKeys,
  { appId, template, tenant }: Described,
  issuerOf: (tenantId: string) => string | undefined,
): Promise<readonly object[]> {
  if (appId === undefined) return []
  const published = await own.published(appId, template ? undefined : tenant)
  return published.map(({ key, tenantId }) => jwk(key, issuerOf(tenantId)))
}

const isFirst = ({ params }: TenantRequest) => params.tenant.toLowerCase() === 'adfs'

async function describe({ cache, originFor }: Discovery, request: TenantRequest): Promise<Described> {
  const { tenant: name } = request.params
  const { appid } = readForm(queryTextOf(request))
  if (appid !== undefined && !GUID.test(appid)) throw new TokenRefusal(700038, { client: appid })
  const template = isTemplate(name)
  const tenant = template ? name.toLowerCase() : (await requireTenant(cache, name)).id
  return { origin: originFor(request.headers.host), tenant, template, appId: appid?.toLowerCase() }
}

/** A document may be kept for as long as a new key is published before it signs; a refusal may not be kept at all. */
function keepWhile(reply: FastifyReply): void {
  if (reply.statusCode !== 200) return
  void reply.header('cache-control', `max-age=${KEYS_PUBLISHED_BEFORE_USE_MS / 1000}, private`)
}
