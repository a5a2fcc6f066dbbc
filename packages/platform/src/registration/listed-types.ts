import { filtering, type Operator, type Property } from '../directory/object-type.ts'
import type { ListedType } from './pages.ts'
import { APPLICATION_PROPERTIES, SERVICE_PRINCIPAL_PROPERTIES } from './stored-properties.ts'

const EQUAL: readonly Operator[] = ['eq', 'in']
const NAMES: readonly Operator[] = ['eq', 'in', 'startsWith']

const text = (column: string, operators: readonly Operator[]): Property => ({
  column,
  type: 'text',
  lengthMax: 256,
  required: true,
  unfolded: true,
  filtering: filtering(operators),
})
const flag = (column: string): Property => ({
  column,
  type: 'flag',
  lengthMax: 0,
  required: true,
  filtering: filtering(EQUAL),
})
const instant = (column: string): Property => ({
  column,
  type: 'instant',
  lengthMax: 0,
  required: true,
  filtering: filtering(['eq', 'ge', 'le'], ['in']),
})

/** What lists of applications can be asked. */
export const APPLICATION: ListedType = {
  name: 'Application',
  typeName: 'application',
  properties: {
    appId: text('application.app_id', EQUAL),
    createdDateTime: instant('application.created_at_ms'),
    displayName: text('application.display_name', NAMES),
    id: text('application.id', EQUAL),
    signInAudience: text('application.sign_in_audience', NAMES),
  },
  names: [
    ...Object.keys(APPLICATION_PROPERTIES),
    'api',
    'appId',
    'appRoles',
    'createdDateTime',
    'displayName',
    'id',
    'identifierUris',
    'isDisabled',
    'keyCredentials',
    'passwordCredentials',
    'requiredResourceAccess',
    'signInAudience',
    'web',
  ],
}

/** What lists of service principals can be asked. */
export const SERVICE_PRINCIPAL: ListedType = {
  name: 'ServicePrincipal',
  typeName: 'servicePrincipal',
  properties: {
    accountEnabled: flag('service_principal.account_enabled'),
    appId: text('service_principal.app_id', EQUAL),
    appOwnerOrganizationId: text('application.tenant_id', EQUAL),
    displayName: text('application.display_name', NAMES),
    id: text('service_principal.id', EQUAL),
  },
  names: [
    ...Object.keys(SERVICE_PRINCIPAL_PROPERTIES),
    'accountEnabled',
    'appDisplayName',
    'appId',
    'appOwnerOrganizationId',
    'appRoleAssignmentRequired',
    'appRoles',
    'displayName',
    'id',
    'keyCredentials',
    'passwordCredentials',
    'servicePrincipalNames',
    'preferredTokenSigningKeyThumbprint',
    'servicePrincipalType',
  ],
}

/** What lists of granted roles can be asked. */
export const APP_ROLE_ASSIGNMENT: ListedType = {
  name: 'AppRoleAssignment',
  typeName: 'appRoleAssignment',
  properties: {
    appRoleId: text('app_role_assignment.app_role_id', EQUAL),
    principalId: text('app_role_assignment.principal_id', EQUAL),
    resourceId: text('app_role_assignment.resource_id', EQUAL),
  },
  names: [
    'appRoleId',
    'createdDateTime',
    'deletedDateTime',
    'id',
    'principalDisplayName',
    'principalId',
    'principalType',
    'resourceDisplayName',
    'resourceId',
  ],
}

/** What lists of federated credentials can be asked. */
export const FEDERATED_CREDENTIAL: ListedType = {
  name: 'FederatedIdentityCredential',
  typeName: 'federatedIdentityCredential',
  properties: {
    issuer: text('federated_credential.issuer', EQUAL),
    name: text('federated_credential.name', EQUAL),
    subject: text('federated_credential.subject', EQUAL),
  },
  names: ['audiences', 'description', 'id', 'issuer', 'name', 'subject'],
}
