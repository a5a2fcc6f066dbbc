import type { FastifyReply, FastifyRequest } from 'fastify'
import { BY_APP_ID } from './registration/applications.ts'
import { BY_TEMPLATE_ID } from './registration/role-assignments.ts'

/**
 * Refuses requests under a name that is not this machine's: a web page elsewhere can make a browser ask a loopback
 * address under the page's own name (DNS rebinding). `hosts` are the names that are good, as a Host header has them.
 */
export function hostAllowed(hosts: () => readonly string[]) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (hosts().includes(request.headers.host?.toLowerCase() ?? '')) return undefined
    return reply
      .code(421)
      .type('text/plain')
      .send('Misdirected request: this platform answers to localhost alone.\n')
  }
}

const ID_IN_QUOTES = "(?:=|%3D)(?:'|%27)([0-9a-fA-F-]{36})(?:'|%27)(?:\\)|%29)"
const ALTERNATE_KEYS = [
  {
    key: new RegExp(
      `^(/graph/v1\\.0/(?:applications|servicePrincipals))(?:\\(|%28)appId${ID_IN_QUOTES}`,
      'i',
    ),
    as: BY_APP_ID,
  },
  {
    key: new RegExp(`^(/graph/v1\\.0/directoryRoles)(?:\\(|%28)roleTemplateId${ID_IN_QUOTES}`, 'i'),
    as: BY_TEMPLATE_ID,
  },
]

/** Turns Graph's `/applications(appId='…')` into a path that the router can read: `/applications/appId:…`. */
export function rewriteAlternateKey(url: string): string {
  return ALTERNATE_KEYS.reduce((path, { key, as }) => path.replace(key, `$1/${as}$2`), url)
}
