import type { FastifyInstance } from 'fastify'
import type { Services } from '../platform.ts'

export function portalRoutes(_app: FastifyInstance, _services: Services): void {}
