import { html } from 'hono/html'
import { day, type Html } from '../portal/layout.ts'
import type { Permission, PermissionState } from './consent.ts'

/** A list of application permissions in plain words, each with where it stands. */
export const permissionList = (permissions: readonly Permission[]): Html =>
  html`<ul class="permissions">${permissions.map(permissionItem)}</ul>`

function permissionItem(permission: Permission): Html {
  const { role, roleId, resource, description, state } = permission
  const name =
    role === undefined
      ? html`Application permission with the unknown id <code>${roleId}</code> of ${resource}`
      : html`Application permission <strong>${role}</strong> of ${resource}`
  return html`<li>
<span class="what">${name}</span>
${description === '' ? '' : html`<span class="hint">${description}</span>`}
${stateLine(state)}
</li>`
}

function stateLine(state: PermissionState): Html {
  switch (state.kind) {
    case 'granted':
      return html`<span class="state done">granted on ${day(state.atMs)}</span>`
    case 'not granted':
      return html`<span class="state open">not granted</span>`
    case 'cannot be granted':
      return html`<span class="state open">cannot be granted: ${state.reason}</span>`
  }
}
