import type { GraphRoute } from '../graph/permissions.ts'
import { withoutOptions } from '../graph/query.ts'
import type { GraphCall, GraphReply } from '../graph/routes.ts'
import type { OwnerKind } from '../registration/credential-owner.ts'
import { getDefaultPolicy, updateDefaultPolicy } from './credential-rules.ts'
import {
  type AssignableKind,
  assignPolicy,
  createPolicy,
  deletePolicy,
  getPolicy,
  listAssignedPolicies,
  listPolicies,
  type PolicyKind,
  unassignPolicy,
  updatePolicy,
} from './policies.ts'
import { getRisky, listRisky, stateRisk } from './risk.ts'

type Handle = (call: GraphCall) => Promise<GraphReply>
type Verb = 'GET' | 'POST' | 'PATCH' | 'DELETE'

const param = ({ params }: GraphCall, name: string) => params[name] ?? ''
const collection = (value: readonly object[]) => ({ body: { value } })
const done = (_nothing: void) => ({})

/** The five routes of a collection of policies. */
function policyRoutes<P extends string>(path: P, kind: PolicyKind) {
  const policyId = (call: GraphCall) => param(call, 'policyId')
  return {
    [`GET ${path}`]: async (call) => collection(await listPolicies(call, kind, call.query)),
    [`POST ${path}`]: async (call) => ({ status: 201, body: await createPolicy(call, kind, call.body) }),
    [`GET ${path}/:policyId`]: async (call) => ({
      body: await getPolicy(withoutOptions(call), kind, policyId(call)),
    }),
    [`PATCH ${path}/:policyId`]: async (call) =>
      done(await updatePolicy(call, kind, policyId(call), call.body)),
    [`DELETE ${path}/:policyId`]: async (call) => done(await deletePolicy(call, kind, policyId(call))),
  } satisfies Record<string, Handle> as Record<
    `${'GET' | 'POST'} ${P}` | `${Exclude<Verb, 'POST'>} ${P}/:policyId`,
    Handle
  >
}

/** The three routes by which policies of a kind are assigned to an application or a service principal. */
function assignmentRoutes<O extends OwnerKind, K extends AssignableKind>(owner: O, kind: K) {
  const path = `/${owner}s/:id/${kind}` as const
  const idOf = (call: GraphCall) => param(call, 'id')
  return {
    [`GET ${path}`]: async (call) =>
      collection(await listAssignedPolicies(withoutOptions(call), kind, owner, idOf(call))),
    [`POST ${path}/$ref`]: async (call) => done(await assignPolicy(call, kind, owner, idOf(call), call.body)),
    [`DELETE ${path}/:policyId/$ref`]: async (call) =>
      done(await unassignPolicy(call, kind, owner, { id: idOf(call), policyId: param(call, 'policyId') })),
  } satisfies Record<string, Handle> as Record<
    `GET ${typeof path}` | `POST ${typeof path}/$ref` | `DELETE ${typeof path}/:policyId/$ref`,
    Handle
  >
}

/** The routes of policies and risks. */
export const POLICY_ROUTES = {
  ...policyRoutes('/policies/tokenLifetimePolicies', 'tokenLifetimePolicies'),
  ...policyRoutes('/policies/appManagementPolicies', 'appManagementPolicies'),
  ...policyRoutes('/identity/conditionalAccess/policies', 'conditionalAccessPolicies'),
  ...policyRoutes('/identity/conditionalAccess/namedLocations', 'namedLocations'),
  ...policyRoutes(
    '/directory/certificateAuthorities/certificateBasedApplicationConfigurations',
    'certificateBasedApplicationConfigurations',
  ),
  ...assignmentRoutes('application', 'tokenLifetimePolicies'),
  ...assignmentRoutes('application', 'appManagementPolicies'),
  ...assignmentRoutes('servicePrincipal', 'tokenLifetimePolicies'),
  ...assignmentRoutes('servicePrincipal', 'appManagementPolicies'),
  'GET /policies/defaultAppManagementPolicy': async (call) => ({
    body: await getDefaultPolicy(withoutOptions(call).db, call.tenantId),
  }),
  'PATCH /policies/defaultAppManagementPolicy': async (call) =>
    done(await updateDefaultPolicy(call, call.body)),
  'GET /identityProtection/riskyServicePrincipals': async (call) =>
    collection(await listRisky(call, call.query)),
  'GET /identityProtection/riskyServicePrincipals/:id': async (call) => ({
    body: await getRisky(withoutOptions(call), param(call, 'id')),
  }),
  'POST /identityProtection/riskyServicePrincipals/confirmCompromised': async (call) =>
    done(await stateRisk(call, call.body, { level: 'high', state: 'confirmedCompromised' })),
  'POST /identityProtection/riskyServicePrincipals/dismiss': async (call) =>
    done(await stateRisk(call, call.body, { level: 'none', state: 'dismissed' })),
} satisfies Partial<Record<GraphRoute, Handle>>
