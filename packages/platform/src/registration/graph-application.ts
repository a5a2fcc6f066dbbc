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
  'AppRoleAssignment.ReadWrite.All': {
    id: '06b708a9-e830-4db3-a914-8e69da51d44f',
    allows: 'Manage app permission grants and app role assignments',
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
