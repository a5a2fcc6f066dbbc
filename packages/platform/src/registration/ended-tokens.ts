import type { Database } from '../store/database.ts'
import { keptQuery } from '../store/kept-query.ts'

/** Ends the tokens that a service principal has had so far, or those of an application's service principals in every tenant. */
export async function endTokens(
  db: Database,
  of: { readonly id: string } | { readonly appId: string },
  nowMs: number,
): Promise<void> {
  const [column, value] = 'id' in of ? (['id', of.id] as const) : (['app_id', of.appId] as const)
  await db
    .updateTable('service_principal')
    .set({ tokens_ended_at_ms: nowMs })
    .where(column, '=', value)
    .execute()
}

/** What has become of a service principal since its tokens were issued. */
export interface Standing {
  /** Whether it may have tokens at all: neither it nor its application is disabled. */
  readonly isEnabled: boolean
  /** When its tokens were ended last, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly endedAtMs: number | undefined
}

/** Reads the standing of a service principal in a tenant; there is none of one that was deleted. */
export async function readStanding(
  db: Database,
  at: { readonly id: string; readonly tenantId: string },
): Promise<Standing | undefined> {
  const [row] = await selectStanding(db, at)
  return (
    row && {
      isEnabled: row.account_enabled === 1 && row.is_disabled === 0,
      endedAtMs: row.tokens_ended_at_ms ?? undefined,
    }
  )
}

const selectStanding = keptQuery(['id', 'tenantId'], (db, { id, tenantId }) =>
  db
    .selectFrom('service_principal')
    .innerJoin('application', 'application.app_id', 'service_principal.app_id')
    .select(['service_principal.account_enabled', 'service_principal.tokens_ended_at_ms'])
    .select('application.is_disabled')
    .where('service_principal.id', '=', id)
    .where('service_principal.tenant_id', '=', tenantId),
)
