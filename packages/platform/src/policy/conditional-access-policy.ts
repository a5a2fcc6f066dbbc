import { badRequest } from '../graph/errors.ts'
import { isUnset, onlyThese, optionalObject, requiredName, textList } from './policy-shape.ts'
import type { PolicyBody } from './policies.ts'

/** How risky a service principal is held to be. */
export type RiskLevel = 'none' | 'low' | 'medium' | 'high'

/** A Conditional Access policy for workload identities: whom it concerns, when it applies, and that it blocks. */
export interface ConditionalAccessPolicy {
  readonly displayName: string
  readonly state: 'enabled' | 'disabled' | 'enabledForReportingButNotEnforced'
  readonly conditions: {
    readonly applications: {
      readonly includeApplications: readonly string[]
      readonly excludeApplications: readonly string[]
    }
    readonly clientApplications: {
      readonly includeServicePrincipals: readonly string[]
      readonly excludeServicePrincipals: readonly string[]
    }
    readonly locations: {
      readonly includeLocations: readonly string[]
      readonly excludeLocations: readonly string[]
    } | null
    readonly servicePrincipalRiskLevels: readonly string[]
  }
  readonly grantControls: { readonly operator: 'OR' | 'AND'; readonly builtInControls: readonly string[] }
}

const STATES: readonly unknown[] = ['enabled', 'disabled', 'enabledForReportingButNotEnforced']
const RISKS: readonly string[] = ['low', 'medium', 'high']

/**
 * Reads a Conditional Access policy. Those for people, devices and platforms are refused: nobody signs in here but service
 * principals, for which there is one control, `block`.
 *
 * @throws GraphError 400.
 */
export function readConditionalAccessPolicy(sent: PolicyBody, known: PolicyBody = {}): PolicyBody {
  const { '@odata.type': _type, ...properties } = sent
  onlyThese(properties, ['displayName', 'state', 'conditions', 'grantControls', 'sessionControls'])
  const merged: PolicyBody = { ...known, ...properties }
  const { state } = merged
  if (!STATES.includes(state)) throw badRequest(`Property 'state' must be one of ${STATES.join(', ')}.`)
  if (!isUnset(merged['sessionControls'])) throw badRequest("Property 'sessionControls' must be null.")
  return {
    displayName: requiredName(merged['displayName']),
    state,
    conditions: readConditions(optionalObject(merged['conditions'])),
    grantControls: readControls(optionalObject(merged['grantControls'])),
    sessionControls: null,
  }
}

function readConditions(sent: PolicyBody): ConditionalAccessPolicy['conditions'] {
  const { applications, clientApplications, locations, servicePrincipalRiskLevels, ...others } = sent
  for (const [name, value] of Object.entries(others)) if (!isHarmless(name, value)) throw unsupported(name)
  const [apps, clients] = [optionalObject(applications), optionalObject(clientApplications)]
  const risks = textList(servicePrincipalRiskLevels, 'servicePrincipalRiskLevels')
  const conditions = {
    applications: {
      includeApplications: textList(apps['includeApplications'], 'includeApplications'),
      excludeApplications: textList(apps['excludeApplications'], 'excludeApplications'),
    },
    clientApplications: {
      includeServicePrincipals: textList(clients['includeServicePrincipals'], 'includeServicePrincipals'),
      excludeServicePrincipals: textList(clients['excludeServicePrincipals'], 'excludeServicePrincipals'),
    },
    locations: readLocations(locations),
    servicePrincipalRiskLevels: risks,
  }
  if (conditions.clientApplications.includeServicePrincipals.length === 0)
    throw badRequest(
      "A policy needs 'clientApplications.includeServicePrincipals': people do not sign in here.",
    )
  if (conditions.applications.includeApplications.length === 0)
    throw badRequest("A policy needs 'applications.includeApplications', such as All.")
  if (!risks.every((risk) => RISKS.includes(risk)))
    throw badRequest(`'servicePrincipalRiskLevels' are ${RISKS.join(', ')}.`)
  if (conditions.locations === null && risks.length === 0)
    throw badRequest("A policy for service principals needs 'locations' or 'servicePrincipalRiskLevels'.")
  return conditions
}

function readLocations(value: unknown): ConditionalAccessPolicy['conditions']['locations'] {
  if (value === undefined || value === null) return null
  const sent = optionalObject(value)
  const includeLocations = textList(sent['includeLocations'], 'includeLocations')
  if (includeLocations.length === 0) throw badRequest("'locations' needs 'includeLocations', such as All.")
  return { includeLocations, excludeLocations: textList(sent['excludeLocations'], 'excludeLocations') }
}

/** What SDKs send with every policy and what restricts nothing. */
function isHarmless(name: string, value: unknown): boolean {
  if (isUnset(value)) return true
  if (name === 'clientAppTypes') return JSON.stringify(value) === '["all"]'
  if (name !== 'users') return false
  const { includeUsers, ...others } = optionalObject(value)
  return (
    (isUnset(includeUsers) || JSON.stringify(includeUsers) === '["None"]') &&
    Object.values(others).every(isUnset)
  )
}

const unsupported = (name: string) =>
  badRequest(
    `The condition '${name.slice(0, 100)}' is not supported here: policies are for service principals.`,
  )

function readControls(sent: PolicyBody): ConditionalAccessPolicy['grantControls'] {
  const { operator = 'OR', builtInControls, ...others } = sent
  const only = JSON.stringify(builtInControls) === '["block"]' && Object.values(others).every(isUnset)
  if (only && (operator === 'OR' || operator === 'AND')) return { operator, builtInControls: ['block'] }
  throw badRequest(
    "'grantControls' must be { operator: 'OR', builtInControls: ['block'] }: there is no other for service principals.",
  )
}
