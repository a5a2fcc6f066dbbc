import type { Database } from '../store/database.ts'

/** Where the administrator is sent after deciding, if the application asked for that and has registered it. */
export interface ConsentRedirect {
  readonly uri: string
  /** Given back to the application as it came, so that it knows which of its links this is. */
  readonly state: string | undefined
  /** The endpoint that was asked, whose way of answering this follows. */
  readonly version: 1 | 2
}

/** What was granted where. */
export interface Consented {
  readonly tenantId: string
  /** The permissions that the application has now, each by its resource and name. */
  readonly scopes: readonly string[]
}

/** Whether the application has registered this very URI: nobody is sent anywhere else (wire.md §9, RFC 6749 §3.1.2). */
export async function isRegistered(db: Database, applicationId: string, uri: string): Promise<boolean> {
  const row = await db
    .selectFrom('application')
    .select('redirect_uris')
    .where('id', '=', applicationId)
    .executeTakeFirst()
  return row !== undefined && (JSON.parse(row.redirect_uris) as string[]).includes(uri)
}

/** The address that tells the application its administrator's consent (wire.md §9). */
export function consentedUrl(redirect: ConsentRedirect, { tenantId, scopes }: Consented): string {
  const { uri, state, version } = redirect
  return version === 1
    ? withParameters(uri, { tenant: tenantId, state, admin_consent: 'True' })
    : withParameters(uri, { admin_consent: 'True', tenant: tenantId, scope: scopes.join(' '), state })
}

interface Ids {
  readonly traceId: string
  readonly correlationId: string
  readonly nowMs: number
}

/** The address that tells the application that the administrator refused (wire.md §9). */
export function refusedUrl({ uri, state, version }: ConsentRedirect, ids: Ids): string {
  if (version === 1) {
    const error_description = 'The admin canceled the request'
    return withParameters(uri, { error: 'permission_denied', error_description, state })
  }
  const { traceId, correlationId, nowMs } = ids
  const error_description = [
    'AADSTS65004: User declined to consent to access the app.',
    `Trace ID: ${traceId}`,
    `Correlation ID: ${correlationId}`,
    `Timestamp: ${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`,
  ].join('\r\n')
  return withParameters(uri, { admin_consent: 'True', error: 'consent_required', error_description, state })
}

function withParameters(uri: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(uri)
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}
