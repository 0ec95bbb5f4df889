import { openBatchedUdpSocket } from './batched-udp-socket.ts';
import { openDgramUdpSocket } from './dgram-udp-socket.ts';
import { udpSocketConformance } from './udp-socket.conformance.ts';

udpSocketConformance('the batched socket', openBatchedUdpSocket);
udpSocketConformance('the dgram socket', openDgramUdpSocket);
