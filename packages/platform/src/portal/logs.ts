import { selectAudits } from '../audit/directory-audit.ts'
import type { ModifiedProperty } from '../audit/changes.ts'
import { failureReason, selectSignIns } from '../audit/sign-in-list.ts'
import type { Database } from '../store/database.ts'

const ROWS_MAX = 100

/** The newest rows of both logs. */
export interface Logs {
  readonly signIns: readonly LoggedSignIn[]
  readonly changes: readonly LoggedChange[]
}

export interface LoggedSignIn {
  readonly id: string
  readonly correlationId: string
  readonly atMs: number
  /** The name that the application has now, or its id if it has none here. */
  readonly application: string
  readonly resource: string | undefined
  readonly credential: string
  readonly ipAddress: string
  readonly errorCode: number
  readonly reason: string
}

export interface LoggedChange {
  readonly atMs: number
  readonly activity: string
  readonly target: string
  readonly by: string
  readonly modified: readonly ModifiedProperty[]
}

/** Reads the newest sign-ins and changes of one tenant, or of all and of requests that named none. */
export async function readLogs(db: Database, tenantId: string | undefined): Promise<Logs> {
  let signIns = selectSignIns(db).limit(ROWS_MAX)
  let changes = selectAudits(db).limit(ROWS_MAX)
  if (tenantId !== undefined) {
    signIns = signIns.where('sign_in.tenant_id', '=', tenantId)
    changes = changes.where('tenant_id', '=', tenantId)
  }
  return {
    signIns: (await signIns.execute()).map((row) => ({
      id: row.id,
      correlationId: row.correlation_id,
      atMs: row.at_ms,
      application: row.client_name ?? row.app_id ?? 'An unknown application',
      resource: row.resource_name ?? undefined,
      credential: CREDENTIALS.get(row.credential_kind) ?? 'nothing proved',
      ipAddress: row.ip_address,
      errorCode: row.error_code,
      reason: failureReason(row.error_code),
    })),
    changes: (await changes.execute()).map((row) => {
      const by = JSON.parse(row.initiated_by) as Initiated
      const target = JSON.parse(row.target) as Target
      return {
        atMs: row.at_ms,
        activity: row.activity,
        target: target.displayName ?? target.userPrincipalName ?? target.id ?? '',
        by: by.app?.displayName ?? by.app?.appId ?? by.user?.displayName ?? '',
        modified: target.modifiedProperties,
      }
    }),
  }
}

const CREDENTIALS: ReadonlyMap<string, string> = new Map([
  ['clientSecret', 'by secret'],
  ['certificate', 'by certificate'],
  ['federatedIdentityCredential', 'by federated credential'],
  ['managedIdentity', 'as managed identity'],
])

interface Initiated {
  readonly app: { readonly displayName: string | null; readonly appId: string } | null
  readonly user: { readonly displayName: string } | null
}

interface Target {
  readonly id: string | null
  readonly displayName: string | null
  readonly userPrincipalName: string | null
  readonly modifiedProperties: readonly ModifiedProperty[]
}
