import { html } from 'hono/html'
import { permissionList } from '../consent/permission-view.ts'
import { day, type Html, type Page } from './layout.ts'
import type { ApplicationOverview, CredentialOverview, Overview, TenantOverview } from './overview.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const WARNING_DAYS = 30

/** The administrator's first page. */
export function overviewPage({ tenants, tenantCount }: Overview, nowMs: number): Page {
  const hidden = tenantCount - tenants.length
  return {
    title: 'Overview',
    signedIn: true,
    main: html`<h1>Overview</h1>
<p><a href="/portal/logs">Sign-ins and changes</a></p>
${tenants.map((tenant) => tenantSection(tenant, nowMs))}
${hidden > 0 ? html`<p class="notice">${hidden} more tenants are not shown.</p>` : ''}`,
  }
}

function tenantSection(tenant: TenantOverview, nowMs: number): Html {
  const { id, domain, displayName, people, applications, more } = tenant
  return html`<section aria-labelledby="tenant-${id}">
<h2 id="tenant-${id}">${domain}</h2>
<dl class="facts">
<div><dt>Name</dt><dd>${displayName}</dd></div>
<div><dt>Tenant ID</dt><dd><code>${id}</code></dd></div>
<div><dt>People</dt><dd>${people}</dd></div>
</dl>
${applications.map((application) => applicationCard(application, domain, nowMs))}
${applications.length === 0 ? html`<p class="hint">No application is registered here yet.</p>` : ''}
${more ? html`<p class="notice">Only the first ${applications.length} applications are shown.</p>` : ''}
</section>`
}

function applicationCard(application: ApplicationOverview, domain: string, nowMs: number): Html {
  const { appId, displayName, fromElsewhere, isManagedIdentity } = application
  return html`<article class="card">
<h3>${displayName}</h3>
${fromElsewhere && !isManagedIdentity ? html`<p class="hint">Registered in another tenant, by an unverified publisher.</p>` : ''}
${presenceLine(application)}
<dl class="facts">
<div><dt>Client ID</dt><dd><code>${appId}</code></dd></div>
${credentialFacts(application, nowMs)}
${roleFacts(application)}
</dl>
${permissionPart(application)}
${reviewLink(application, domain)}
</article>`
}

function presenceLine({ presence }: ApplicationOverview): Html | '' {
  switch (presence) {
    case 'enabled':
      return ''
    case 'disabled':
      return html`<p class="notice">Disabled in this tenant: it gets no tokens.</p>`
    case 'missing':
      return html`<p class="notice">Not added to this tenant yet: it gets no tokens before an administrator
consents.</p>`
  }
}

function roleFacts({ directoryRoles }: ApplicationOverview): Html | '' {
  if (directoryRoles.length === 0) return ''
  return html`<div><dt>Directory roles</dt>${directoryRoles.map((name) => html`<dd>${name}</dd>`)}</div>`
}

/** How an application can prove itself: a row for each kind of credential that it has. */
function credentialFacts(
  { certificates, secrets, trusts, isManagedIdentity }: ApplicationOverview,
  nowMs: number,
): Html[] {
  const ending = (list: readonly CredentialOverview[]) =>
    list.map(({ name, endsAtMs }) => html`<dd>${name}, ${credentialEnd(endsAtMs, nowMs)}</dd>`)
  const kinds = [
    ['Certificates', ending(certificates)],
    ['Secrets', ending(secrets)],
    ['Federation', trusts.map((name) => html`<dd>${name}</dd>`)],
  ] as const
  const rows = kinds.filter(([, lines]) => lines.length > 0)
  if (rows.length > 0) return rows.map(([kind, lines]) => html`<div><dt>${kind}</dt>${[...lines]}</div>`)
  const none = isManagedIdentity
    ? 'those of its host: a managed identity'
    : 'none, so it cannot prove who it is'
  return [html`<div><dt>Credentials</dt><dd>${none}</dd></div>`]
}

/** When a credential ends, with a warning that leaves time to renew it. */
export function credentialEnd(endsAtMs: number, nowMs: number): Html {
  const days = Math.floor((endsAtMs - nowMs) / DAY_MS)
  if (endsAtMs <= nowMs) return html`<strong class="warning">expired on ${day(endsAtMs)}</strong>`
  if (days >= WARNING_DAYS) return html`expires on ${day(endsAtMs)}`
  const left = days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`
  return html`<strong class="warning">expires on ${day(endsAtMs)}, in ${left}</strong>`
}

function permissionPart({ permissions: { requested, unrequested } }: ApplicationOverview): Html {
  return html`<h4>Asks for</h4>
${requested.length === 0 ? html`<p class="hint">No application permissions.</p>` : permissionList(requested)}
${
  unrequested.length === 0
    ? ''
    : html`<h4>Granted, though it does not ask for it</h4>
${permissionList(unrequested)}`
}`
}

function reviewLink(
  { appId, displayName, presence, permissions }: ApplicationOverview,
  domain: string,
): Html | '' {
  const open = permissions.requested.some(({ state }) => state.kind === 'not granted')
  if (!open && presence !== 'missing') return ''
  const url = `/${encodeURIComponent(domain)}/adminconsent?client_id=${encodeURIComponent(appId)}`
  return html`<p><a class="button" href="${url}"
 aria-label="Review and grant what ${displayName} asks for">Review and grant</a></p>`
}
