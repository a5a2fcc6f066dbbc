/** Microsoft Graph's application id, the same in every tenant (wire.md §13). */
export const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000'

/** The tenant that publishes Graph. It is nobody's directory. */
export const GRAPH_TENANT_ID = 'f8cdef31-a31e-4b4a-93e4-5f571e91255a'

/** The App ID URIs under which a token for the directory is asked for. */
export const GRAPH_IDENTIFIER_URIS = ['https://graph.microsoft.com'] as const

/** The application permissions that the directory knows, under Graph's own ids (wire.md §13.6). */
export const GRAPH_ROLES = {
  'User.Read.All': { id: 'df021288-bdef-4463-88db-98f22de89214', allows: 'Read all users’ full profiles' },
  'User.ReadWrite.All': {
    id: '741f803b-c850-494e-b5df-cde7c675a1ca',
    allows: 'Read and write all users’ full profiles',
  },
  'GroupMember.Read.All': {
    id: '98830695-27a2-44f7-8c18-0c3ebc9698f6',
    allows: 'Read all group memberships',
  },
  'GroupMember.ReadWrite.All': {
    id: 'dbaae8cf-10b5-4b86-a4a1-f871c94c6695',
    allows: 'Read and write all group memberships',
  },
  'Group.Create': { id: 'bf7b1a76-6e77-406b-b258-bf5c7720e98f', allows: 'Create groups' },
  'Group.Read.All': { id: '5b567255-7703-4780-807c-7be8301ae99b', allows: 'Read all groups' },
  'Group.ReadWrite.All': {
    id: '62a82d76-70ea-41e2-9197-370581804d09',
    allows: 'Read and write all groups',
  },
  'Directory.Read.All': { id: '7ab1d382-f21e-4acd-a863-ba3e13f7da61', allows: 'Read directory data' },
  'Directory.ReadWrite.All': {
    id: '19dbc75e-c2e2-444c-a770-ec69d8559fc7',
    allows: 'Read and write directory data',
  },
  'Application.Read.All': { id: '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30', allows: 'Read all applications' },
  'Application.ReadWrite.All': {
    id: '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9',
    allows: 'Read and write all applications',
  },
  'Application.ReadWrite.OwnedBy': {
    id: '18a4783c-866b-4cc7-a460-3d5e5662c884',
    allows: 'Manage apps that this app creates or owns',
  },
  'AuditLog.Read.All': {
    id: 'b0afded3-3588-46d8-8b3d-9842eff778da',
    allows: 'Read all audit log data',
  },
  'AppRoleAssignment.ReadWrite.All': {
    id: '06b708a9-e830-4db3-a914-8e69da51d44f',
    allows: 'Manage app permission grants and app role assignments',
  },
  'RoleManagement.Read.Directory': {
    id: '483bed4a-2ad3-4361-a73b-c83ccdbdc53c',
    allows: 'Read all directory RBAC settings',
  },
  'RoleManagement.ReadWrite.Directory': {
    id: '9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8',
    allows: 'Read and write all directory RBAC settings',
  },
  'Organization.ReadWrite.All': {
    id: '292d869f-3427-49a8-9dab-8c70152b74e9',
    allows: 'Read and write organization information',
  },
  'Policy.Read.All': {
    id: '246dd0d5-5bd0-4def-940b-0421030a5b68',
    allows: 'Read your organization’s policies',
  },
  'Policy.ReadWrite.ApplicationConfiguration': {
    id: 'be74164b-cff1-491c-8741-e671cb536e13',
    allows: 'Read and write your organization’s application configuration policies',
  },
  'Policy.ReadWrite.ConditionalAccess': {
    id: '01c0a623-fc9b-48e9-b794-0756f8e8f067',
    allows: 'Read and write your organization’s conditional access policies',
  },
  'IdentityRiskyServicePrincipal.ReadWrite.All': {
    id: 'cb8d6980-6bcb-4507-afec-ed6de3a2d798',
    allows: 'Read and write all identity risky service principal information',
  },
} as const

export type GraphRole = keyof typeof GRAPH_ROLES

/** Graph's roles as its application object lists them. */
export const graphAppRoles = () =>
  Object.entries(GRAPH_ROLES).map(([value, { id, allows }]) => ({
    id,
    value,
    displayName: allows,
    description: `Allows the app to ${allows.charAt(0).toLowerCase()}${allows.slice(1)} without a signed-in user.`,
    allowedMemberTypes: ['Application'],
    isEnabled: true,
    origin: 'Application',
  }))
