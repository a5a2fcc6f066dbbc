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

const role = (typeName: string, id: string, names: readonly string[]): ListedType => ({
  name: typeName.charAt(0).toUpperCase() + typeName.slice(1),
  typeName,
  properties: {
    displayName: text('role.display_name', EQUAL),
    id: text('role.id', EQUAL),
    [id]: text('role.template_id', EQUAL),
  },
  names: ['description', 'displayName', 'id', id, ...names],
})

/** What lists of a tenant's roles can be asked. */
export const DIRECTORY_ROLE: ListedType = role('directoryRole', 'roleTemplateId', ['deletedDateTime'])

/** What lists of roles that can be given can be asked. */
export const ROLE_DEFINITION: ListedType = role('unifiedRoleDefinition', 'templateId', [
  'isBuiltIn',
  'isEnabled',
  'resourceScopes',
  'version',
])

/** What lists of given roles can be asked. */
export const ROLE_ASSIGNMENT: ListedType = {
  name: 'UnifiedRoleAssignment',
  typeName: 'unifiedRoleAssignment',
  properties: {
    id: text('id', EQUAL),
    principalId: text('principal_id', EQUAL),
    roleDefinitionId: text('template_id', EQUAL),
  },
  names: ['directoryScopeId', 'id', 'principalId', 'roleDefinitionId'],
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
