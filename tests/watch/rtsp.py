#!/usr/bin/python3
"""Serves an H.264 and AAC recording over RTSP, again and again, until killed: rtsp.py FILE PORT."""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

Gst.init(None)
path, port = sys.argv[1:]
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(
    f'( filesrc location="{path}" ! qtdemux name=d'
    " d. ! queue ! h264parse config-interval=1 ! rtph264pay name=pay0 pt=96"
    " d. ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
)
factory.set_shared(True)
server.get_mount_points().add_factory("/call", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
