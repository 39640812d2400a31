"""Other CoAP stacks than the engine of this project, put behind the ports of a device: aiocoap."""
