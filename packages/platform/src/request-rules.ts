import type { FastifyReply, FastifyRequest } from 'fastify'
import { BY_APP_ID } from './registration/applications.ts'

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

/** Turns Graph's `/applications(appId='…')` into a path that the router can read: `/applications/appId:…`. */
export function rewriteAppId(url: string): string {
  return url.replace(
    /^(\/graph\/v1\.0\/(?:applications|servicePrincipals))(?:\(|%28)appId(?:=|%3D)(?:'|%27)([0-9a-fA-F-]{36})(?:'|%27)(?:\)|%29)/i,
    `$1/${BY_APP_ID}$2`,
  )
}
