import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'

/** A generator of numbers from 0 to 1 (mulberry32). */
export function seeded(start: number): () => number {
  let value = start
  return () => {
    value = (value + 0x6d2b79f5) | 0
    let mixed = Math.imul(value ^ (value >>> 15), 1 | value)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const NAMES = ['nightly', "O'Brien", '"quoted"', 'Ærøskøbing', '😀', '<b>', 'a\\b', '-'] as const

/** What the parts of a random state are made of. */
class Chance {
  readonly #random: () => number
  #ids = 0

  constructor(random: () => number) {
    this.#random = random
  }

  readonly guid = () => `55555555-eeee-4eee-8eee-${String(++this.#ids).padStart(12, '0')}`
  readonly count = (most: number) => Math.floor(this.#random() * (most + 1))
  readonly flag = () => this.#random() < 0.5
  readonly some = <T>(most: number, make: (index: number) => T) =>
    Array.from({ length: this.count(most) }, (_, index) => make(index))
  readonly name = () => `${NAMES[Math.floor(this.#random() * NAMES.length)]} ${this.count(999)}`
  readonly secret = () => ({
    keyId: this.guid(),
    displayName: this.name(),
    secretText: 'x'.repeat(40) + this.name(),
  })
  readonly among = <T>(all: readonly T[]) => all.filter(this.flag)
}

function applicationOf({ guid, flag, some, name, secret }: Chance, tenant: number, der: string) {
  const appId = guid()
  return {
    appId,
    displayName: name(),
    signInAudience: flag() ? 'AzureADMyOrg' : 'AzureADMultipleOrgs',
    identifierUris: some(2, (index) => `api://${tenant}-${appId}-${index}`),
    ...(flag() ? {} : { redirectUris: some(2, () => 'https://localhost/x') }),
    appRoles: some(2, (index) => ({
      id: guid(),
      value: `Role.${index}`,
      allowedMemberTypes: ['Application'],
    })),
    ...(flag() ? {} : { requestedAccessTokenVersion: flag() ? 2 : null }),
    properties: flag()
      ? {}
      : { notes: name(), tags: some(2, name), web: { homePageUrl: 'https://x.example' } },
    isDisabled: flag(),
    certificates: some(1, () => ({ certificate: der, displayName: name() })),
    secrets: some(2, secret),
    federatedCredentials: some(2, (index) => ({
      name: `trust-${index}`,
      issuer: 'https://issuer.example',
      subject: `${name()} ${index}`,
      audience: 'api://x',
      description: flag() ? null : name(),
    })),
  }
}

const RISKS = ['confirmedCompromised', 'dismissed', null] as const

function peopleOf({ guid, flag, some, name }: Chance, tenant: number) {
  return some(3, (index) => ({
    ...(flag() ? {} : { id: guid() }),
    userPrincipalName: `p${index}@tenant-${tenant}.example`,
    displayName: name(),
    accountEnabled: flag(),
    ...(flag() ? {} : { jobTitle: name(), businessPhones: ['+45 1'], employeeId: String(index) }),
    ...(index > 0 && flag() ? { manager: `p0@tenant-${tenant}.example` } : {}),
  }))
}

function groupsOf(
  { guid, flag, some, name, among }: Chance,
  people: readonly string[],
  apps: readonly string[],
) {
  const ids: string[] = []
  return some(3, (index) => {
    const id = guid()
    const isUnified = flag()
    const kind = { groupTypes: ['Unified'], mailEnabled: true, securityEnabled: flag() }
    const group = {
      id,
      displayName: name(),
      mailNickname: `group-${index}`,
      ...(flag() ? {} : { description: name() }),
      ...(isUnified ? kind : {}),
      members: isUnified ? among(people) : among([...people, ...apps, ...ids]),
      owners: among([...people, ...apps]),
    }
    ids.push(id)
    return group
  })
}

function policiesOf(
  { guid, flag, name, among }: Chance,
  applications: readonly string[],
  principals: readonly string[],
) {
  const [location, lifetime] = [guid(), guid()]
  const wanted = [
    {
      id: location,
      kind: 'namedLocations',
      policy: {
        '@odata.type': '#microsoft.graph.ipNamedLocation',
        displayName: name(),
        isTrusted: flag(),
        ipRanges: [{ cidrAddress: '192.0.2.0/24' }],
      },
    },
    {
      id: lifetime,
      kind: 'tokenLifetimePolicies',
      policy: {
        displayName: name(),
        definition: ['{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"00:30:00"}}'],
        isOrganizationDefault: flag(),
      },
      applications: among(applications),
      servicePrincipals: among([...principals, GRAPH_APP_ID]),
    },
    {
      id: guid(),
      kind: 'conditionalAccessPolicies',
      policy: {
        displayName: name(),
        state: 'enabled',
        conditions: {
          applications: { includeApplications: ['All'] },
          clientApplications: { includeServicePrincipals: ['ServicePrincipalsInMyTenant'] },
          locations: { includeLocations: ['All'], excludeLocations: [location] },
        },
        grantControls: { builtInControls: ['block'] },
      },
    },
    {
      id: guid(),
      kind: 'appManagementPolicies',
      policy: {
        displayName: name(),
        isEnabled: false,
        restrictions: { passwordCredentials: [{ restrictionType: 'passwordAddition', state: 'enabled' }] },
      },
    },
    {
      id: '00000000-0000-0000-0000-000000000000',
      kind: 'defaultAppManagementPolicy',
      policy: { displayName: name(), isEnabled: false },
    },
  ]
  return among(wanted)
}

/** Any state: names with quotes, accents and emoji, and lists of any length. */
export function randomState(random: () => number, der: string) {
  const chance = new Chance(random)
  const { guid, count, flag, some, name, secret, among } = chance
  const tenants = Array.from({ length: 1 + count(2) }, (_, number) => {
    const applications = some(4, () => applicationOf(chance, number, der))
    const present = among(applications).map(({ appId }) => appId)
    const people = peopleOf(chance, number)
    const names = people.map((person) => person.userPrincipalName)
    const appIds = applications.map(({ appId }) => appId)
    return {
      id: guid(),
      displayName: name(),
      domains: [`tenant-${number}.example`, ...some(2, (index) => `more-${number}-${index}.example`)],
      ...(flag() ? {} : { refuseRepeatedAssertions: flag() }),
      applications: applications.map((one) => ({ ...one, owners: among([...names, ...present]) })),
      managedIdentities: some(1, () => ({
        appId: guid(),
        name: 'machine',
        kind: 'system',
        resourceId: `/x/${guid()}`,
        owners: among(names),
      })),
      servicePrincipals: present.map((appId) => ({
        appId,
        accountEnabled: flag(),
        appRoleAssignmentRequired: flag(),
        properties: flag() ? {} : { notes: name() },
        risk: RISKS[count(2)] ?? null,
        secrets: some(1, secret),
        owners: among([...names, ...present]),
      })),
      assignments: among(present).map((appId) => ({
        principal: appId,
        resource: GRAPH_APP_ID,
        role: GRAPH_ROLES['User.Read.All'].id,
      })),
      directoryRoles: among([...present, ...names]).map((principal) => ({
        principal,
        role: flag() ? '88d8e3e3-8f55-4a1e-953a-9b9898b8876b' : 'fe930be7-5e62-47db-91af-98c3a49a38b1',
      })),
      people,
      groups: groupsOf(chance, names, present),
      policies: policiesOf(chance, appIds, present),
    }
  })
  return { version: 1, tenants }
}
