import { framework } from './frameworks/fastify.js'
import { describeFramework } from './suite.js'

describeFramework(framework)
