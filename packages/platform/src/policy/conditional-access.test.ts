import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { applyPolicies, type AccessRequest, type ActivePolicy } from './conditional-access.ts'
import { readConditionalAccessPolicy } from './conditional-access-policy.ts'
import { locationOf, readNamedLocation } from './named-location.ts'

const OFFICE = locationOf('office', {
  isTrusted: true,
  ipRanges: [{ cidrAddress: '192.0.2.0/24' }, { cidrAddress: '2001:db8::/32' }],
})
const LAB = locationOf('lab', { isTrusted: false, ipRanges: [{ cidrAddress: '198.51.100.7/32' }] })

type Conditions = ActivePolicy['conditions']

const policy = (conditions: Partial<Conditions>, state: ActivePolicy['state'] = 'enabled'): ActivePolicy => ({
  id: 'p',
  displayName: 'Policy',
  state,
  conditions: {
    applications: { includeApplications: ['All'], excludeApplications: [] },
    clientApplications: {
      includeServicePrincipals: ['ServicePrincipalsInMyTenant'],
      excludeServicePrincipals: [],
    },
    locations: null,
    servicePrincipalRiskLevels: [],
    ...conditions,
  },
  grantControls: { operator: 'OR', builtInControls: ['block'] },
})

const REQUEST: AccessRequest = {
  servicePrincipalId: 'me',
  isGoverned: true,
  resourceAppId: 'graph',
  ipAddress: '203.0.113.9',
  risk: 'none',
}

const anywhereBut = (...excludeLocations: string[]) =>
  policy({ locations: { includeLocations: ['All'], excludeLocations } })
const onlyIn = (...includeLocations: string[]) =>
  policy({ locations: { includeLocations, excludeLocations: [] } })
const clients = (include: string[], exclude: string[] = []) =>
  policy({ clientApplications: { includeServicePrincipals: include, excludeServicePrincipals: exclude } })
const atRisk = (...servicePrincipalRiskLevels: string[]) => policy({ servicePrincipalRiskLevels })

describe('Conditional Access', () => {
  const CASES: readonly (readonly [string, ActivePolicy, Partial<AccessRequest>, boolean])[] = [
    ['blocks everywhere but in trusted places', anywhereBut('AllTrusted'), {}, true],
    ['lets a trusted IPv4 address be', anywhereBut('AllTrusted'), { ipAddress: '192.0.2.255' }, false],
    ['lets a trusted IPv6 address be', anywhereBut('AllTrusted'), { ipAddress: '2001:db8::1' }, false],
    [
      'knows IPv4 in the clothes of IPv6',
      anywhereBut('AllTrusted'),
      { ipAddress: '::ffff:192.0.2.1' },
      false,
    ],
    ['blocks beside the trusted range', anywhereBut('AllTrusted'), { ipAddress: '192.0.3.0' }, true],
    [
      'does not trust a place that is only named',
      anywhereBut('AllTrusted'),
      { ipAddress: '198.51.100.7' },
      true,
    ],
    ['lets a named place be', anywhereBut('lab'), { ipAddress: '198.51.100.7' }, false],
    ['blocks in a named place', onlyIn('lab'), { ipAddress: '198.51.100.7' }, true],
    ['lets every other place be', onlyIn('lab'), { ipAddress: '198.51.100.8' }, false],
    ['is nowhere without a readable address', onlyIn('lab', 'office'), { ipAddress: '' }, false],
    ['blocks an unreadable address if all places are meant', anywhereBut('office'), { ipAddress: '' }, true],
    ['blocks at the risk that it names', atRisk('medium', 'high'), { risk: 'high' }, true],
    ['lets a lesser risk be', atRisk('medium', 'high'), { risk: 'low' }, false],
    ['lets no risk be', atRisk('low', 'medium', 'high'), {}, false],
    ['means one service principal', clients(['ME']), {}, true],
    ['lets others be', clients(['another']), {}, false],
    ['lets those that are excluded be', clients(['ServicePrincipalsInMyTenant'], ['me']), {}, false],
    ['lets guests and managed identities be', clients(['me']), { isGoverned: false }, false],
    [
      'lets other resources be',
      policy({ applications: { includeApplications: ['orders'], excludeApplications: [] } }),
      {},
      false,
    ],
    [
      'lets an excluded resource be',
      policy({ applications: { includeApplications: ['All'], excludeApplications: ['graph'] } }),
      {},
      false,
    ],
    [
      'wants place and risk at once',
      policy({
        locations: { includeLocations: ['All'], excludeLocations: ['office'] },
        servicePrincipalRiskLevels: ['high'],
      }),
      { risk: 'low' },
      false,
    ],
  ]

  for (const [what, one, change, blocks] of CASES) {
    it(what, () => {
      const rules = { policies: [one], locations: [OFFICE, LAB] }
      const expected = blocks ? [{ id: 'p', displayName: 'Policy', result: 'failure' }] : []
      assert.deepEqual(applyPolicies(rules, { ...REQUEST, ...change }), expected)
    })
  }

  it('only reports what is switched to reporting', () => {
    const reported = { ...policy({}), state: 'enabledForReportingButNotEnforced' } as const
    assert.deepEqual(applyPolicies({ policies: [reported], locations: [] }, REQUEST), [
      { id: 'p', displayName: 'Policy', result: 'reportOnlyFailure' },
    ])
  })
})

const refusedWith = (message: string) => ({ status: 400, code: 'Request_BadRequest', message })

describe('a Conditional Access policy', () => {
  const BLOCK = { operator: 'OR', builtInControls: ['block'] }
  const GOOD = {
    displayName: 'Block',
    state: 'enabled',
    conditions: {
      clientAppTypes: ['all'],
      users: { includeUsers: ['None'], excludeUsers: [] },
      applications: { includeApplications: ['All'] },
      clientApplications: { includeServicePrincipals: ['ServicePrincipalsInMyTenant'] },
      locations: { includeLocations: ['All'], excludeLocations: ['AllTrusted'] },
    },
    grantControls: { ...BLOCK, customAuthenticationFactors: [], termsOfUse: [] },
  }
  const withConditions = (change: object) => ({ ...GOOD, conditions: { ...GOOD.conditions, ...change } })

  it('is read as tools send it', () => {
    assert.deepEqual(readConditionalAccessPolicy(GOOD), {
      displayName: 'Block',
      state: 'enabled',
      conditions: {
        applications: { includeApplications: ['All'], excludeApplications: [] },
        clientApplications: {
          includeServicePrincipals: ['ServicePrincipalsInMyTenant'],
          excludeServicePrincipals: [],
        },
        locations: { includeLocations: ['All'], excludeLocations: ['AllTrusted'] },
        servicePrincipalRiskLevels: [],
      },
      grantControls: BLOCK,
      sessionControls: null,
    })
  })

  const REFUSED: readonly (readonly [string, object, string])[] = [
    [
      'an unknown state',
      { ...GOOD, state: 'on' },
      "Property 'state' must be one of enabled, disabled, enabledForReportingButNotEnforced.",
    ],
    [
      'people',
      withConditions({ users: { includeUsers: ['All'] } }),
      "The condition 'users' is not supported here: policies are for service principals.",
    ],
    [
      'devices',
      withConditions({ devices: { deviceFilter: {} } }),
      "The condition 'devices' is not supported here: policies are for service principals.",
    ],
    [
      'no service principals',
      withConditions({ clientApplications: null }),
      "A policy needs 'clientApplications.includeServicePrincipals': people do not sign in here.",
    ],
    [
      'no resource',
      withConditions({ applications: {} }),
      "A policy needs 'applications.includeApplications', such as All.",
    ],
    [
      'neither place nor risk',
      withConditions({ locations: null }),
      "A policy for service principals needs 'locations' or 'servicePrincipalRiskLevels'.",
    ],
    [
      'an unknown risk',
      withConditions({ servicePrincipalRiskLevels: ['huge'] }),
      "'servicePrincipalRiskLevels' are low, medium, high.",
    ],
    [
      'a control that no daemon can meet',
      { ...GOOD, grantControls: { operator: 'OR', builtInControls: ['mfa'] } },
      "'grantControls' must be { operator: 'OR', builtInControls: ['block'] }: there is no other for service principals.",
    ],
    [
      'session controls',
      { ...GOOD, sessionControls: { signInFrequency: {} } },
      "Property 'sessionControls' must be null.",
    ],
    ['an unknown property', { ...GOOD, color: 'red' }, "Invalid property 'color'."],
  ]
  for (const [what, sent, message] of REFUSED)
    it(`is refused with ${what}`, () =>
      assert.throws(() => readConditionalAccessPolicy({ ...sent }), refusedWith(message)))
})

describe('a named location', () => {
  const TYPE = '#microsoft.graph.ipNamedLocation'
  const location = (cidrAddress: unknown, type?: string) => ({
    '@odata.type': TYPE,
    displayName: 'Office',
    ipRanges: [{ ...(type === undefined ? {} : { '@odata.type': type }), cidrAddress }],
  })

  it('names the type of each range', () => {
    const read = readNamedLocation(location('2001:db8::/32'))
    assert.deepEqual(read['ipRanges'], [
      { '@odata.type': '#microsoft.graph.iPv6CidrRange', cidrAddress: '2001:db8::/32' },
    ])
  })

  const RANGE = "An IP range needs a 'cidrAddress' such as 192.0.2.0/24 or 2001:db8::/32, of its own type."
  for (const bad of [
    '192.0.2.0',
    '192.0.2.0/33',
    '2001:db8::/129',
    '192.0.2.0/-1',
    '192.0.2.0/24/1',
    'x/8',
    7,
    '192.0.2/24',
  ])
    it(`refuses the range ${bad}`, () =>
      assert.throws(() => readNamedLocation(location(bad)), refusedWith(RANGE)))

  it('refuses a range of the other type, none at all, and countries', () => {
    const other = location('192.0.2.0/24', '#microsoft.graph.iPv6CidrRange')
    assert.throws(() => readNamedLocation(other), refusedWith(RANGE))
    assert.throws(
      () => readNamedLocation({ ...location('192.0.2.0/24'), ipRanges: [] }),
      refusedWith("Property 'ipRanges' must be a list of 1 to 2000."),
    )
    assert.throws(
      () => readNamedLocation({ '@odata.type': '#microsoft.graph.countryNamedLocation', displayName: 'x' }),
      refusedWith(`A named location here is of '@odata.type' ${TYPE}: countries are not known.`),
    )
  })
})
