import { badRequest } from '../graph/errors.ts'

/** Whether a value may be kept. */
type Fits = (value: unknown) => boolean

/** A property that is kept and shown as it was sent: nothing here acts upon it, and tools expect it back. */
interface StoredProperty {
  readonly fits: Fits
  /** What is shown before anything was sent. */
  readonly byDefault: unknown
}

const TEXT_MAX = 1024
const LIST_MAX = 256

const text: Fits = (value) => value === null || (typeof value === 'string' && value.length <= TEXT_MAX)
const flag: Fits = (value) => value === null || typeof value === 'boolean'
const texts: Fits = (value) =>
  Array.isArray(value) &&
  value.length <= LIST_MAX &&
  value.every((one) => typeof one === 'string' && text(one))
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const orNull =
  (fits: Fits): Fits =>
  (value) =>
    value === null || fits(value)
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const shape =
  (parts: Readonly<Record<string, Fits>>): Fits =>
  (value) =>
    value === null ||
    (isObject(value) &&
      Object.entries(value).every(([name, part]) => Object.hasOwn(parts, name) && parts[name]?.(part)))
const list =
  (fits: Fits): Fits =>
  (value) =>
    Array.isArray(value) && value.length <= LIST_MAX && value.every((one) => one !== null && fits(one))

const scope = shape({
  adminConsentDescription: text,
  adminConsentDisplayName: text,
  id: text,
  isEnabled: flag,
  origin: text,
  type: text,
  userConsentDescription: text,
  userConsentDisplayName: text,
  value: text,
})
const redirects = shape({ redirectUris: texts })
const optionalClaim = shape({ additionalProperties: texts, essential: flag, name: text, source: text })
const SUBJECTS_MAX = 20
const guid: Fits = (value) => typeof value === 'string' && GUID.test(value)
const name: Fits = (value) =>
  typeof value === 'string' && value.trim() === value && value !== '' && text(value)
const subject = shape({ authorityId: guid, subjectName: name, revokedCertificateIdentifiers: orNull(texts) })
const NO_REDIRECTS = { redirectUris: [] }

/** What tools such as az, Terraform and the Graph SDKs send with an application, beyond what the platform acts upon. */
export const APPLICATION_PROPERTIES: Readonly<Record<string, StoredProperty>> = {
  api: {
    fits: shape({
      acceptMappedClaims: flag,
      knownClientApplications: texts,
      oauth2PermissionScopes: list(scope),
      preAuthorizedApplications: list(
        shape({ appId: text, delegatedPermissionIds: texts, permissionIds: texts }),
      ),
    }),
    byDefault: {
      acceptMappedClaims: null,
      knownClientApplications: [],
      oauth2PermissionScopes: [],
      preAuthorizedApplications: [],
    },
  },
  defaultRedirectUri: { fits: text, byDefault: null },
  description: { fits: text, byDefault: null },
  groupMembershipClaims: { fits: text, byDefault: null },
  info: {
    fits: shape({
      logoUrl: (value) => value === null,
      marketingUrl: text,
      privacyStatementUrl: text,
      supportUrl: text,
      termsOfServiceUrl: text,
    }),
    byDefault: {
      logoUrl: null,
      marketingUrl: null,
      privacyStatementUrl: null,
      supportUrl: null,
      termsOfServiceUrl: null,
    },
  },
  isDeviceOnlyAuthSupported: { fits: flag, byDefault: null },
  isFallbackPublicClient: { fits: flag, byDefault: null },
  notes: { fits: text, byDefault: null },
  oauth2RequirePostResponse: { fits: flag, byDefault: false },
  // The token endpoint acts upon those of access tokens that a daemon's can have.
  optionalClaims: {
    fits: shape({
      accessToken: list(optionalClaim),
      idToken: list(optionalClaim),
      saml2Token: list(optionalClaim),
    }),
    byDefault: null,
  },
  parentalControlSettings: {
    fits: shape({ countriesBlockedForMinors: texts, legalAgeGroupRule: text }),
    byDefault: { countriesBlockedForMinors: [], legalAgeGroupRule: 'Allow' },
  },
  publicClient: { fits: redirects, byDefault: NO_REDIRECTS },
  samlMetadataUrl: { fits: text, byDefault: null },
  serviceManagementReference: { fits: text, byDefault: null },
  spa: { fits: redirects, byDefault: NO_REDIRECTS },
  tags: { fits: texts, byDefault: [] },
  tokenEncryptionKeyId: { fits: text, byDefault: null },
  // The token endpoint acts upon these: whose certificates prove the application by their names (wire.md §4).
  trustedCertificateSubjects: {
    fits: (value) =>
      Array.isArray(value) &&
      value.length <= SUBJECTS_MAX &&
      value.every((one) => isObject(one) && 'authorityId' in one && 'subjectName' in one && subject(one)),
    byDefault: [],
  },
  web: {
    fits: shape({
      homePageUrl: text,
      implicitGrantSettings: shape({ enableAccessTokenIssuance: flag, enableIdTokenIssuance: flag }),
      logoutUrl: text,
      redirectUriSettings: list(
        shape({ uri: text, index: (value) => value === null || Number.isInteger(value) }),
      ),
    }),
    byDefault: {
      homePageUrl: null,
      implicitGrantSettings: { enableAccessTokenIssuance: false, enableIdTokenIssuance: false },
      logoutUrl: null,
    },
  },
}

/** The same for service principals. */
export const SERVICE_PRINCIPAL_PROPERTIES: Readonly<Record<string, StoredProperty>> = {
  alternativeNames: { fits: texts, byDefault: [] },
  description: { fits: text, byDefault: null },
  homepage: { fits: text, byDefault: null },
  loginUrl: { fits: text, byDefault: null },
  logoutUrl: { fits: text, byDefault: null },
  notes: { fits: text, byDefault: null },
  notificationEmailAddresses: { fits: texts, byDefault: [] },
  preferredSingleSignOnMode: { fits: text, byDefault: null },
  samlSingleSignOnSettings: { fits: shape({ relayState: text }), byDefault: null },
  tags: { fits: texts, byDefault: [] },
}

type Table = Readonly<Record<string, StoredProperty>>
type Sent = Readonly<Record<string, unknown>>

const READ_ONLY: readonly string[] = [
  'appDisplayName',
  'appId',
  'appOwnerOrganizationId',
  'applicationTemplateId',
  'certification',
  'createdDateTime',
  'deletedDateTime',
  'disabledByMicrosoftStatus',
  'id',
  'publisherDomain',
  'resourceSpecificApplicationPermissions',
  'servicePrincipalType',
  'verifiedPublisher',
]

/** Why a property that no table knows cannot be set, in Graph's words. */
export const propertyRefused = (name: string) =>
  READ_ONLY.includes(name)
    ? badRequest(`Property '${name}' is read-only and cannot be set.`)
    : badRequest(`Invalid property '${name.slice(0, 100)}'.`)

/** Lays what was sent over what is kept; of an object, the parts that were sent. @throws GraphError 400. */
export function mergeStored(table: Table, kept: string, sent: Sent): string {
  const merged: Record<string, unknown> = JSON.parse(kept) as Record<string, unknown>
  for (const [name, value] of Object.entries(sent)) {
    const property = Object.hasOwn(table, name) ? table[name] : undefined
    if (!property) throw propertyRefused(name)
    if (!property.fits(value)) throw badRequest(`Invalid value specified for property '${name}'.`)
    const known = merged[name]
    merged[name] = isObject(value) && isObject(known) ? { ...known, ...value } : value
  }
  return JSON.stringify(merged)
}

/** All stored properties as they are shown. */
export function storedProperties(table: Table, kept: string): Readonly<Record<string, unknown>> {
  const values = JSON.parse(kept) as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    Object.entries(table).map(([name, { byDefault }]) => {
      const value = values[name]
      if (value === undefined) return [name, byDefault]
      return [name, isObject(value) && isObject(byDefault) ? { ...byDefault, ...value } : value]
    }),
  )
}

/** What was sent without what describes it: SDKs name the type of what they send. */
export const withoutAnnotations = (sent: Sent): Sent =>
  Object.fromEntries(Object.entries(sent).filter(([name]) => !name.startsWith('@odata.')))
