import { badRequest, GraphError } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import type { Database } from '../store/database.ts'
import { readCertificate, trustedChain, UntrustedChain } from '../tls/certificate-chain.ts'
import { CERTIFICATE_AUTHORITIES, findAuthorities } from './certificate-authorities.ts'
import { onlyThese, optionalFlag, optionalObject, optionalText, requiredName } from './policy-shape.ts'
import type { PolicyBody, PolicyCall } from './policies.ts'

/** A rule of an app management policy, for one way to add credentials (Graph, passwordCredentialConfiguration). */
interface Restriction {
  readonly restrictionType: string
  readonly state: 'enabled' | 'disabled'
  readonly maxLifetime: string | null
  readonly restrictForAppsCreatedAfterDateTime: string | null
  /** The authorities that must have issued a certificate, of `trustedCertificateAuthority` alone. */
  readonly certificateBasedApplicationConfigurationIds?: readonly string[]
}

interface Restrictions {
  readonly passwordCredentials: readonly Restriction[]
  readonly keyCredentials: readonly Restriction[]
}

const TRUSTED_AUTHORITY = 'trustedCertificateAuthority'
const CONFIGURATION_IDS = 'certificateBasedApplicationConfigurationIds'
const CONFIGURATIONS_MAX = 20

/** The types of restriction by what they restrict, and whether they have a longest life. */
const TYPES: Readonly<Record<keyof Restrictions, Readonly<Record<string, boolean>>>> = {
  passwordCredentials: {
    passwordAddition: false,
    passwordLifetime: true,
    customPasswordAddition: false,
    symmetricKeyAddition: false,
    symmetricKeyLifetime: true,
  },
  keyCredentials: { asymmetricKeyLifetime: true, [TRUSTED_AUTHORITY]: false },
}

const DAY_MS = 24 * 60 * 60 * 1000
const DURATION =
  /^P(?=.)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?$/

/** An ISO 8601 duration in milliseconds; a year has 365 days and a month 30, as Graph counts. */
export function durationMs(text: string): number | undefined {
  const parts = DURATION.exec(text)
  if (!parts) return undefined
  const [years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0))
  return (years * 365 + months * 30 + days) * DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000
}

/** Reads an app management policy (wire.md §12). @throws GraphError 400. */
export function readAppManagementPolicy(sent: PolicyBody, known: PolicyBody = {}): PolicyBody {
  const { '@odata.type': _type, ...properties } = sent
  onlyThese(properties, ['displayName', 'description', 'isEnabled', 'restrictions'])
  const merged: PolicyBody = { ...known, ...properties }
  return {
    displayName: requiredName(merged['displayName']),
    description: optionalText(merged['description'], 'description'),
    isEnabled: optionalFlag(merged['isEnabled'], 'isEnabled'),
    restrictions: readRestrictions(merged['restrictions']),
  }
}

function readRestrictions(value: unknown): Restrictions {
  const sent = optionalObject(value)
  onlyThese(sent, ['passwordCredentials', 'keyCredentials'])
  return {
    passwordCredentials: readList(sent['passwordCredentials'], 'passwordCredentials'),
    keyCredentials: readList(sent['keyCredentials'], 'keyCredentials'),
  }
}

function readList(value: unknown, of: keyof Restrictions): readonly Restriction[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.length > 20)
    throw badRequest(`Property '${of}' must be a list of at most 20.`)
  return value.map((one: unknown) => readRestriction(bodyObject(one), of))
}

function readRestriction(sent: PolicyBody, of: keyof Restrictions): Restriction {
  onlyThese(sent, [
    'restrictionType',
    'state',
    'maxLifetime',
    'restrictForAppsCreatedAfterDateTime',
    'certificateBasedApplicationConfigurationIds',
  ])
  const { restrictionType: type, state = 'enabled', maxLifetime = null } = sent
  const { restrictForAppsCreatedAfterDateTime: after = null } = sent
  const hasLifetime = typeof type === 'string' && Object.hasOwn(TYPES[of], type) ? TYPES[of][type] : undefined
  if (typeof type !== 'string' || hasLifetime === undefined)
    throw badRequest(`A restriction of '${of}' has one of the types ${Object.keys(TYPES[of]).join(', ')}.`)
  if (state !== 'enabled' && state !== 'disabled')
    throw badRequest("Property 'state' must be enabled or disabled.")
  const lifetime = typeof maxLifetime === 'string' ? durationMs(maxLifetime) : undefined
  if (hasLifetime ? !lifetime : maxLifetime !== null)
    throw badRequest(
      `Property 'maxLifetime' of '${type}' must be ${hasLifetime ? 'a duration such as P90D' : 'null'}.`,
    )
  if (after !== null && (typeof after !== 'string' || Number.isNaN(Date.parse(after))))
    throw badRequest("Property 'restrictForAppsCreatedAfterDateTime' must be a date and time.")
  return {
    restrictionType: type,
    state,
    maxLifetime: typeof maxLifetime === 'string' ? maxLifetime : null,
    restrictForAppsCreatedAfterDateTime: after,
    ...configurationIdsOf(type, sent['certificateBasedApplicationConfigurationIds']),
  }
}

function configurationIdsOf(type: string, ids: unknown): Pick<Restriction, typeof CONFIGURATION_IDS> {
  const isTrust = type === TRUSTED_AUTHORITY
  if (!isTrust && (ids === undefined || ids === null)) return {}
  const isList = Array.isArray(ids) && ids.length > 0 && ids.length <= CONFIGURATIONS_MAX
  if (!isTrust || !isList || !ids.every((id) => typeof id === 'string'))
    throw badRequest(
      `Property '${CONFIGURATION_IDS}' of '${type}' must be ${isTrust ? `a list of 1 to ${CONFIGURATIONS_MAX} ids` : 'null'}.`,
    )
  return { [CONFIGURATION_IDS]: ids.map((id) => id.toLowerCase()) }
}

/** The authorities that the restrictions of a policy name, by the ids of their configurations. */
export const authoritiesNamedIn = (policy: PolicyBody): readonly string[] =>
  ['restrictions', 'applicationRestrictions', 'servicePrincipalRestrictions'].flatMap((name) =>
    ((policy[name] as Restrictions | undefined)?.keyCredentials ?? []).flatMap(
      (restriction) => restriction[CONFIGURATION_IDS] ?? [],
    ),
  )

/** Refuses a policy that names authorities which are not there: nothing would be trusted, and nobody told. @throws GraphError 400. */
export async function refuseUnknownConfigurations(
  { db, tenantId }: Pick<PolicyCall, 'db' | 'tenantId'>,
  policy: PolicyBody,
): Promise<void> {
  for (const id of authoritiesNamedIn(policy))
    if (!(await findAuthorities(db, tenantId, id)))
      throw badRequest(
        `The id '${id.slice(0, 100)}' is no ${CERTIFICATE_AUTHORITIES.slice(0, -1)} of this tenant.`,
      )
}

/** The kind under which a tenant's default policy is kept: there is one at most. */
export const DEFAULT_KIND = 'defaultAppManagementPolicy'
/** The id by which Graph shows every tenant's default policy. */
export const DEFAULT_POLICY_ID = '00000000-0000-0000-0000-000000000000'
const DEFAULT_POLICY: PolicyBody = {
  id: DEFAULT_POLICY_ID,
  displayName: 'Default app management tenant policy',
  description:
    'Default tenant policy that enforces app management restrictions on applications and service principals.',
  isEnabled: false,
  applicationRestrictions: { passwordCredentials: [], keyCredentials: [] },
  servicePrincipalRestrictions: { passwordCredentials: [], keyCredentials: [] },
}

/** The policy that holds for whatever has none of its own; off until it is changed. */
export async function getDefaultPolicy(db: Database, tenantId: string): Promise<PolicyBody> {
  const row = await db
    .selectFrom('policy')
    .select('body')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', DEFAULT_KIND)
    .executeTakeFirst()
  return { ...DEFAULT_POLICY, ...(row ? (JSON.parse(row.body) as PolicyBody) : {}) }
}

/** Changes the tenant's default policy. @throws GraphError 400. */
export async function updateDefaultPolicy(call: PolicyCall, body: unknown): Promise<void> {
  const { db, tenantId, nowMs } = call
  const sent = bodyObject(body)
  onlyThese(sent, [
    'displayName',
    'description',
    'isEnabled',
    'applicationRestrictions',
    'servicePrincipalRestrictions',
  ])
  const { id: _id, ...known } = await getDefaultPolicy(db, tenantId)
  const merged = { ...known, ...sent }
  const policy = {
    displayName: requiredName(merged['displayName']),
    description: optionalText(merged['description'], 'description'),
    isEnabled: optionalFlag(merged['isEnabled'], 'isEnabled'),
    applicationRestrictions: readRestrictions(merged['applicationRestrictions']),
    servicePrincipalRestrictions: readRestrictions(merged['servicePrincipalRestrictions']),
  }
  await refuseUnknownConfigurations(call, policy)
  const values = { body: JSON.stringify(policy), modified_at_ms: nowMs }
  await db
    .insertInto('policy')
    .values({
      ...values,
      id: `${DEFAULT_KIND}-${tenantId}`,
      tenant_id: tenantId,
      kind: DEFAULT_KIND,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute()
}

/** A credential that somebody wants to add to an application or a service principal. */
export interface WantedCredential {
  readonly type: 'password' | 'key'
  readonly start_at_ms: number
  readonly end_at_ms: number
  /** The certificate of a key: DER in base64. */
  readonly certificate?: string
}

interface Target {
  readonly tenantId: string
  readonly objectId: string
}

/**
 * Refuses credentials that the policy of their object forbids: its own, or else the tenant's. Those that are there already
 * stay, and go on working (wire.md §12).
 *
 * @throws GraphError 400 CredentialTypeNotAllowedAsPerAppPolicy, CredentialInvalidLifetimeAsPerAppPolicy,
 *   CredentialCertificateAuthorityNotAllowedAsPerAppPolicy.
 */
export async function requireAllowedCredentials(
  db: Database,
  target: Target,
  wanted: readonly WantedCredential[],
): Promise<void> {
  if (wanted.length === 0) return
  const governing = await governingPolicy(db, target)
  if (!governing) return
  for (const credential of wanted) {
    refuseRestricted(governing, credential)
    await refuseUntrusted({ db, ...target }, governing, credential)
  }
}

interface Governing {
  readonly policyId: string
  readonly restrictions: Restrictions
  readonly createdAtMs: number
}

async function governingPolicy(db: Database, { tenantId, objectId }: Target): Promise<Governing | undefined> {
  const isIt = { column: 'id', value: objectId } as const
  const application = await db
    .selectFrom('application')
    .select('created_at_ms')
    .where(isIt.column, '=', isIt.value)
    .executeTakeFirst()
  const principal = await db
    .selectFrom('service_principal')
    .select('created_at_ms')
    .where(isIt.column, '=', isIt.value)
    .executeTakeFirst()
  const createdAtMs = Number((application ?? principal)?.created_at_ms ?? 0)
  const assigned = await db
    .selectFrom('policy_assignment')
    .innerJoin('policy', 'policy.id', 'policy_assignment.policy_id')
    .select(['policy.id', 'policy.body'])
    .where('policy.kind', '=', 'appManagementPolicies')
    .where('policy_assignment.object_id', '=', objectId)
    .executeTakeFirst()
  if (assigned) {
    const { isEnabled, restrictions } = JSON.parse(assigned.body) as {
      isEnabled: boolean
      restrictions: Restrictions
    }
    return isEnabled ? { policyId: assigned.id, restrictions, createdAtMs } : undefined
  }
  const policy = await getDefaultPolicy(db, tenantId)
  if (policy['isEnabled'] !== true) return undefined
  const restrictions = policy[application ? 'applicationRestrictions' : 'servicePrincipalRestrictions']
  return { policyId: String(policy['id']), restrictions: restrictions as Restrictions, createdAtMs }
}

/** Refuses a certificate that none of the authorities has issued that the policy names, if it names any. */
async function refuseUntrusted(
  { db, tenantId }: Pick<PolicyCall, 'db' | 'tenantId'>,
  { policyId, restrictions, createdAtMs }: Governing,
  { certificate }: WantedCredential,
): Promise<void> {
  const rules = restrictions.keyCredentials.filter(
    (rule) => rule.restrictionType === TRUSTED_AUTHORITY && isInForce(rule, createdAtMs),
  )
  const leaf = readCertificate(certificate)
  if (rules.length === 0 || certificate === undefined) return
  const ids = rules.flatMap((rule) => rule[CONFIGURATION_IDS] ?? [])
  const found = await Promise.all(ids.map((id) => findAuthorities(db, tenantId, id)))
  const authorities = {
    roots: found.flatMap((one) => one?.roots ?? []),
    intermediates: found.flatMap((one) => one?.intermediates ?? []),
  }
  try {
    trustedChain(leaf ? [leaf] : [], authorities)
  } catch (error) {
    if (!(error instanceof UntrustedChain)) throw error
    throw new GraphError(
      400,
      'CredentialCertificateAuthorityNotAllowedAsPerAppPolicy',
      `The certificate is not of an authority allowed as per assigned policy '${policyId}': ${error.message}.`,
    )
  }
}

const isInForce = (
  { state, restrictForAppsCreatedAfterDateTime: after }: Restriction,
  createdAtMs: number,
): boolean => state === 'enabled' && (after === null || createdAtMs >= Date.parse(after))

function refuseRestricted(
  { policyId, restrictions, createdAtMs }: Governing,
  { type, start_at_ms, end_at_ms }: WantedCredential,
): void {
  const list = type === 'password' ? restrictions.passwordCredentials : restrictions.keyCredentials
  const lifetimeType = type === 'password' ? 'passwordLifetime' : 'asymmetricKeyLifetime'
  for (const rule of list) {
    if (!isInForce(rule, createdAtMs)) continue
    const { restrictionType, maxLifetime } = rule
    if (type === 'password' && restrictionType === 'passwordAddition')
      throw new GraphError(
        400,
        'CredentialTypeNotAllowedAsPerAppPolicy',
        `Credential type not allowed as per assigned policy '${policyId}'.`,
      )
    const longest = durationMs(maxLifetime ?? '') ?? Number.POSITIVE_INFINITY
    if (restrictionType === lifetimeType && end_at_ms - start_at_ms > longest)
      throw new GraphError(
        400,
        'CredentialInvalidLifetimeAsPerAppPolicy',
        `Credential lifetime exceeds the max value allowed as per assigned policy '${policyId}'.`,
      )
  }
}
