import { html } from 'hono/html'
import type { Page } from './layout.ts'
import { HOME } from './return-path.ts'
import type { SignedIn } from './sign-in.ts'

/** Where there is no page. */
export const unknownPage = ({ signedIn }: { readonly signedIn: boolean }): Page => ({
  title: 'Not found',
  signedIn,
  main: html`<div class="card">
<h1>There is no such page</h1>
<p>The portal has no page at this address. It may have been typed or copied wrong.</p>
<p><a class="button" href="${HOME}">Go to the overview</a></p>
</div>`,
})

/** Where an account that administers nothing is: no page of the portal is for it. */
export const administratorNeededPage = ({ name }: SignedIn): Page => ({
  title: 'An administrator is needed',
  signedIn: true,
  main: html`<div class="card">
<h1>An administrator is needed</h1>
<p>You are signed in as ${name}, who is not an administrator of the tenant. The portal shows applications and logs to
administrators alone.</p>
<p>Ask an administrator of your tenant, or sign out and sign in with another account.</p>
</div>`,
})
