import { createHash } from 'node:crypto'
import { GRAPH_ROLES, type GraphRole } from './graph-application.ts'

/** A built-in role of the directory. */
export interface DirectoryRole {
  readonly displayName: string
  readonly description: string
  /** The application permissions of Graph that it stands for here. */
  readonly standsFor: readonly GraphRole[]
}

const EVERY_PERMISSION = Object.keys(GRAPH_ROLES) as GraphRole[]

/** The built-in roles that matter to what this directory has, under Entra's own template ids (wire.md §§6, 9). */
export const DIRECTORY_ROLES: ReadonlyMap<string, DirectoryRole> = new Map<string, DirectoryRole>([
  [
    '62e90394-69f5-4237-9190-012177145e10',
    {
      displayName: 'Global Administrator',
      description: 'Can do everything in the directory.',
      standsFor: EVERY_PERMISSION,
    },
  ],
  [
    'f2ef992c-3afb-46b9-b7cf-a126ee74c451',
    {
      displayName: 'Global Reader',
      description: 'Can read everything in the directory, and change nothing.',
      standsFor: ['Directory.Read.All', 'AuditLog.Read.All', 'Policy.Read.All'],
    },
  ],
  [
    '88d8e3e3-8f55-4a1e-953a-9b9898b8876b',
    {
      displayName: 'Directory Readers',
      description: 'Can read people, groups and applications.',
      standsFor: ['User.Read.All', 'Group.Read.All', 'Application.Read.All'],
    },
  ],
  [
    'fe930be7-5e62-47db-91af-98c3a49a38b1',
    {
      displayName: 'User Administrator',
      description: 'Can manage people and groups.',
      standsFor: ['User.ReadWrite.All', 'Group.ReadWrite.All'],
    },
  ],
  [
    'fdd7a751-b60b-444a-984c-02652fe8fa1c',
    {
      displayName: 'Groups Administrator',
      description: 'Can manage groups.',
      standsFor: ['Group.ReadWrite.All'],
    },
  ],
  [
    '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3',
    {
      displayName: 'Application Administrator',
      description: 'Can manage every registration, its credentials, and the logs of them.',
      standsFor: ['Application.ReadWrite.All', 'AuditLog.Read.All'],
    },
  ],
  [
    '158c047a-c907-4556-b7ef-446551a6b5f7',
    {
      displayName: 'Cloud Application Administrator',
      description: 'Can manage every registration, its credentials, and the logs of them.',
      standsFor: ['Application.ReadWrite.All', 'AuditLog.Read.All'],
    },
  ],
  [
    'cf1c38e5-3621-4004-a7cb-879624dced7c',
    {
      displayName: 'Application Developer',
      description: 'Can register applications, and manage its own.',
      standsFor: ['Application.ReadWrite.OwnedBy'],
    },
  ],
  [
    'e8611ab8-c189-46e8-94e1-60213ab1f814',
    {
      displayName: 'Privileged Role Administrator',
      description: 'Can give and take directory roles and application permissions.',
      standsFor: [
        'RoleManagement.ReadWrite.Directory',
        'AppRoleAssignment.ReadWrite.All',
        'Application.Read.All',
      ],
    },
  ],
  [
    'b1be1c3e-b65d-4f19-8427-f6fa0d97feb9',
    {
      displayName: 'Conditional Access Administrator',
      description: 'Can manage Conditional Access.',
      standsFor: ['Policy.ReadWrite.ConditionalAccess'],
    },
  ],
  [
    '194ae4cb-b126-40b2-bd5b-6091b380977d',
    {
      displayName: 'Security Administrator',
      description: 'Can manage Conditional Access and risks, and read the logs.',
      standsFor: [
        'Policy.ReadWrite.ConditionalAccess',
        'IdentityRiskyServicePrincipal.ReadWrite.All',
        'AuditLog.Read.All',
      ],
    },
  ],
  [
    '5d6b6bb7-de71-4623-b4af-96380a352509',
    {
      displayName: 'Security Reader',
      description: 'Can read policies and logs.',
      standsFor: ['Policy.Read.All', 'AuditLog.Read.All'],
    },
  ],
  [
    '4a5d8f65-41da-4de4-8968-e035b65339cf',
    { displayName: 'Reports Reader', description: 'Can read the logs.', standsFor: ['AuditLog.Read.All'] },
  ],
])

/** The roles that a token has: those that it names, and those for which its directory roles stand (`wids`). */
export function rolesWith(roles: readonly string[], wids: unknown): readonly string[] {
  if (!Array.isArray(wids)) return roles
  const implied = wids.flatMap((id) => DIRECTORY_ROLES.get(String(id))?.standsFor ?? [])
  return implied.length === 0 ? roles : [...new Set([...roles, ...implied])]
}

/** The id of a role in a tenant: each tenant has objects of its own, made of the one template. */
export function roleObjectId(tenantId: string, templateId: string): string {
  const hex = createHash('sha256').update(`${tenantId} ${templateId}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
