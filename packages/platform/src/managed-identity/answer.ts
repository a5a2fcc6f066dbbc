import { randomUUID } from 'node:crypto'
import type { SignInTrail } from '../audit/sign-in.ts'
import { permit } from '../token/permit.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { clientIn } from '../token/client.ts'
import { signToken } from '../token/issue.ts'
import type { Services } from '../services.ts'
import type { ArcKeys } from './arc-keys.ts'
import { chooseIdentity, listIdentities, type ManagedIdentity, type Selector } from './identities.ts'
import type { RequestWindow } from './request-window.ts'
import { sameSecret } from './secret.ts'
import { type Fault, FAULTS, type IdentityToken, type Problem, type Source } from './sources.ts'

/** One request to a source, before anything in it has been believed. */
export interface SourceRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The query, or the form where the source reads one. */
  readonly parameters: Readonly<Record<string, unknown>>
}

/** What a source stands on. */
export interface Host extends Pick<Services, 'db' | 'cache' | 'keys' | 'now' | 'origin' | 'signIns'> {
  /** The tenant whose identities this host has. */
  readonly tenantId: string
  readonly arcKeys: ArcKeys
}

/** What one source knows beyond the table: the secret its callers send, and how many have come this second. */
export interface SourceState {
  readonly secret: string
  readonly window: RequestWindow
}

/** A source gives no token; `challenge` is the header that says how to prove oneself. */
export class SourceRefusal extends Error {
  override readonly name = 'SourceRefusal'
  readonly problem: Problem
  readonly challenge: string | undefined

  constructor(problem: Problem, challenge?: string) {
    super(problem.message)
    this.problem = problem
    this.challenge = challenge
  }
}

/** The steps of a request for a managed identity's token; each may refuse (wire.md §10). @throws SourceRefusal */
export async function answer(
  host: Host,
  source: Source,
  state: SourceState,
  { headers, parameters }: SourceRequest,
): Promise<IdentityToken> {
  if (source.proof === 'metadata' || source.proof === 'key file') requireMetadata(source, headers)
  if (source.throttled && !state.window.admits(host.now())) throw refusal(source, 'throttled')
  await requireProof(host, source, state, headers)
  const read = readParameters(source, parameters)
  if (source.versions && !source.versions.includes(read['api-version'] ?? ''))
    throw refusal(source, 'version')
  const resource = read['resource']
  if (resource === undefined || resource === '') throw refusal(source, 'resource')
  const identities = await listIdentities(host)
  const identity = chooseIdentity(identities, selectorOf(source, read), source.unselected)
  if (typeof identity === 'string') throw refusal(source, identity)
  return tokenFor(host, source, identity, resource)
}

/** A page or a proxy cannot be made to send the header, and does say that it forwards. */
function requireMetadata(source: Source, headers: SourceRequest['headers']): void {
  if (headers['x-forwarded-for'] !== undefined) throw refusal(source, 'forwarded')
  if (String(headers['metadata'] ?? '').toLowerCase() !== 'true') throw refusal(source, 'metadata')
}

async function requireProof(
  { arcKeys }: Host,
  source: Source,
  { secret }: SourceState,
  headers: SourceRequest['headers'],
): Promise<void> {
  if (source.proof === 'metadata') return
  if (source.proof === 'key file') {
    if (await arcKeys.opens(String(headers['authorization'] ?? ''))) return
    throw refusal(source, 'secret', `Basic realm=${await arcKeys.challenge()}`)
  }
  const sent = headers[source.proof.header]
  if (typeof sent !== 'string' || !sameSecret(sent, secret)) throw refusal(source, 'secret')
}

const VALUE_LENGTH_MAX = 2048

function readParameters(
  source: Source,
  parameters: SourceRequest['parameters'],
): Readonly<Partial<Record<string, string>>> {
  for (const value of Object.values(parameters)) {
    if (typeof value !== 'string' || value.length > VALUE_LENGTH_MAX) throw refusal(source, 'malformed')
  }
  return parameters as Readonly<Record<string, string>>
}

// The names by which any source selects: one that this source does not know must not be passed over.
const SELECTORS = ['client_id', 'clientid', 'object_id', 'principal_id', 'msi_res_id', 'mi_res_id'] as const

function selectorOf(source: Source, read: Readonly<Partial<Record<string, string>>>): Partial<Selector> {
  const sent = SELECTORS.filter((name) => read[name] !== undefined)
  const [name, ...others] = sent
  if (name === undefined) return {}
  const property = Object.hasOwn(source.selectors, name) ? source.selectors[name] : undefined
  if (!property || others.length > 0) throw refusal(source, 'malformed')
  return { [property]: read[name] ?? '' }
}

async function tokenFor(
  { cache, keys, now, origin, tenantId, signIns }: Host,
  source: Source,
  identity: ManagedIdentity,
  resource: string,
): Promise<IdentityToken> {
  const nowMs = now()
  const { clientId: appId, principalId: servicePrincipalId } = identity
  const credential = { kind: 'managedIdentity', keyId: null } as const
  const trail: SignInTrail = { tenantId, appId, servicePrincipalId, credential }
  // No address, as in Azure: the request stays within the host.
  const signIn = { id: randomUUID(), correlationId: randomUUID(), atMs: nowMs, ipAddress: '', trail }
  const log = (errorCode: number) => signIns.add({ ...signIn, event: 'managedIdentity', errorCode })
  try {
    const client = await clientIn(cache, appId, tenantId)
    const permitted = await permit(cache, { client, tenantId, resource })
    trail.resourceAppId = permitted.resource.appId
    const request = { origin: origin(), tenantId, client, proof: '2', permit: permitted, nowMs } as const
    const key = await keys.signing(request.permit.resource.preferredKey)
    const token = await signToken({ ...request, managedIdentity: identity.resourceId }, key)
    log(0)
    return { ...token, identity, resource }
  } catch (error) {
    log(error instanceof TokenRefusal ? error.aadsts : 90033)
    if (!(error instanceof TokenRefusal)) throw error
    const { error: code, message } = error
    throw new SourceRefusal(source.refused ?? { status: 400, code, message })
  }
}

const refusal = (source: Source, fault: Fault, challenge?: string) =>
  new SourceRefusal(source.faults[fault] ?? FAULTS[fault], challenge)
