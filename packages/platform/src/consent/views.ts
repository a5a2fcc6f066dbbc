import { html } from 'hono/html'
import type { Html, Page } from '../portal/layout.ts'
import type { SignedIn } from '../portal/sign-in.ts'
import { fingerprint, grantable, type Permission } from './consent.ts'
import type { Question } from './grant.ts'
import type { Parties } from './parties.ts'
import { permissionList } from './permission-view.ts'

/** The question: who asks for what, with the two answers. */
export function questionPage(parties: Parties, question: Question, { changed = false } = {}): Page {
  const { tenant, client } = parties
  return {
    title: `Consent to ${client.displayName}`,
    signedIn: true,
    main: html`<div class="card">
<h1>${client.displayName} asks for consent</h1>
${changed ? html`<p class="notice" role="alert">${CHANGED}</p>` : ''}
<dl class="facts">
<div><dt>Application</dt><dd>${client.displayName}</dd></div>
<div><dt>Client ID</dt><dd><code>${client.appId}</code></dd></div>
<div><dt>Publisher</dt><dd>${publisherLine(parties)}</dd></div>
<div><dt>For tenant</dt><dd>${tenant.displayName} (${tenant.defaultDomain})</dd></div>
</dl>
${permissionParts(question)}
${isSettled(question) ? SETTLED : decisionForm(parties, question)}
</div>`,
  }
}

const CHANGED =
  'This is not what the page showed when you decided, so nothing was changed. Read it again and decide.'

function publisherLine({ tenant, client, publisher }: Parties): Html {
  if (client.homeTenantId === tenant.id) return html`${tenant.defaultDomain}`
  const whose = publisher ? html`${publisher.displayName}, ${publisher.defaultDomain}, ` : ''
  return html`${whose}<strong class="warning">unverified publisher in another tenant</strong>
(<code>${client.homeTenantId}</code>)`
}

/** Nothing that consent could change. */
const isSettled = ({ permissions, principalId }: Question) =>
  principalId !== undefined && grantable(permissions).length === 0

function permissionParts({ permissions }: Question): Html {
  const open = grantable(permissions)
  const granted = permissions.requested.filter(({ state }) => state.kind === 'granted')
  const impossible = permissions.requested.filter(({ state }) => state.kind === 'cannot be granted')
  return html`${part('It asks for', open)}
${part('It already has', granted)}
${part('It also asks for what cannot be granted', impossible)}
${permissions.requested.length === 0 ? html`<p>It asks for no application permissions.</p>` : ''}
${permissions.delegated === 0 ? '' : delegatedLine(permissions.delegated)}`
}

const part = (title: string, permissions: readonly Permission[]): Html | '' =>
  permissions.length === 0 ? '' : html`<h2>${title}</h2>${permissionList(permissions)}`

const delegatedLine = (count: number): Html =>
  html`<p class="hint">It also names delegated permissions (${count}). They need a person who signs in to it,
so they are not granted here.</p>`

const SETTLED = html`<p class="notice good">There is nothing left to grant.</p>
<p><a class="button" href="/portal">Back to the overview</a></p>`

function decisionForm({ tenant, client }: Parties, { permissions }: Question): Html {
  const open = grantable(permissions)
  const [name, place] = [client.displayName, tenant.displayName]
  const meaning =
    open.length === 0
      ? html`If you grant this, ${name} is added to ${place} and gets tokens there, which carry no new roles.`
      : html`If you grant this, ${name} may do so in ${place} on its own and at any time, with no person
signed in. A grant can be taken back later.`
  return html`<p>${meaning}</p>
<form method="post" class="answers">
<input type="hidden" name="seen" value="${fingerprint(open)}">
<button class="primary" name="decision" value="grant">Grant consent</button>
<button name="decision" value="refuse">Refuse</button>
</form>`
}

/** What came of a grant. */
export function grantedPage({ tenant, client }: Parties, granted: readonly Permission[]): Page {
  const name = client.displayName
  return {
    title: 'Consent granted',
    signedIn: true,
    main: html`<div class="card">
<h1>Consent granted</h1>
<p>${name} was granted ${granted.length === 0 ? 'a place' : 'this'} in ${tenant.displayName}
(${tenant.defaultDomain}):</p>
${
  granted.length === 0
    ? html`<p>It asks for no application permissions that can be granted, so its tokens carry no roles.</p>`
    : html`<ul class="permissions">${granted.map(
        (one) => html`<li>Application permission <strong>${one.role}</strong> of ${one.resource}</li>`,
      )}</ul>
<p class="notice good">New tokens of ${name} carry these roles; tokens issued before keep theirs until they
expire.</p>`
}
<p><a class="button" href="/portal">Back to the overview</a></p>
</div>`,
  }
}

/** What came of a refusal: nothing. */
export function refusedPage({ tenant, client }: Parties): Page {
  return {
    title: 'Consent refused',
    signedIn: true,
    main: html`<div class="card">
<h1>Consent refused</h1>
<p>Nothing was changed: ${client.displayName} has in ${tenant.displayName} (${tenant.defaultDomain}) what it
had before.</p>
<p><a class="button" href="/portal">Back to the overview</a></p>
</div>`,
  }
}

/** A link that a small screen breaks where its parts end; what is copied is the link. */
const breakable = (link: string): Html =>
  html`${link.split(/(?=[/?&=%.])/).map((part) => html`<wbr>${part}`)}`

/** Who is not an administrator cannot decide, and is told what to do instead. */
export function askAdministratorPage({ tenant, client }: Parties, who: SignedIn, link: string): Page {
  const place = `${tenant.displayName} (${tenant.defaultDomain})`
  return {
    title: 'An administrator is needed',
    signedIn: true,
    main: html`<div class="card">
<h1>An administrator is needed</h1>
<p>${client.displayName} asks for permissions in ${place}, which only an administrator of that tenant can
grant. You are signed in as ${who.name}, who is not an administrator of ${tenant.displayName}. Nothing was
changed.</p>
<p>Ask an administrator of ${tenant.displayName} to open this link:</p>
<p class="notice good"><code class="link">${breakable(link)}</code></p>
<form method="post" action="/portal/sign-out">
<input type="hidden" name="return" value="${new URL(link).pathname}${new URL(link).search}">
<button>Sign in with another account</button>
</form>
</div>`,
  }
}
