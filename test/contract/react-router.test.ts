import { framework } from './frameworks/react-router.js'
import { describeFramework } from './suite.js'

describeFramework(framework)
