"""The classes and functions that real checkpoints name, each with the module that it is in.

An exact list: a name that is not on it may be harmless, but no checkpoint of a known host needs it.
"""

from __future__ import annotations

from collections.abc import Mapping

from yolo_probe.checkpoint.pickle_machine import Name
from yolo_probe.model.forks.registry import has_recipe
from yolo_probe.model.structure import HOST_MODULES, in_repository

MODELS = "Model DetectionModel SegmentationModel ClassificationModel BaseModel Ensemble AutoShape autoShape NMS"
"""Classes of whole models, and what wraps one."""

ACTIVATIONS = "SiLU Hardswish Mish MemoryEfficientMish MemoryEfficientSwish Swish FReLU AconC MetaAconC"
"""Classes of utils/activations.py."""

USUAL: Mapping[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "__builtin__": "frozenset getattr set xrange",
        "_codecs": "encode",
        "argparse": "Namespace",
        "builtins": "frozenset getattr range set",
        "collections": "OrderedDict defaultdict",
        "dill._dill": "_load_type",
        "numpy": "dtype ndarray",
        "numpy._core.multiarray": "_reconstruct scalar",
        "numpy.core.multiarray": "_reconstruct scalar",
        "pathlib": "Path PosixPath PurePosixPath PureWindowsPath WindowsPath",
        "pathlib._local": "PosixPath WindowsPath",
        "torch": (
            "BFloat16Storage BoolStorage ByteStorage CharStorage DoubleStorage FloatStorage HalfStorage IntStorage "
            "LongStorage ShortStorage Size bfloat16 device float16 float32 float64 int64"
        ),
        "torch._C._nn": "gelu silu",
        "torch._tensor": "_rebuild_from_type_v2",
        "torch._utils": (
            "_rebuild_parameter _rebuild_parameter_with_state _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 "
            "_rebuild_meta_tensor_no_storage"
        ),
        "torch.nn.functional": "gelu relu silu",
        "torch.nn.modules.activation": (
            "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish "
            "MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus "
            "Softshrink Softsign Tanh Tanhshrink Threshold"
        ),
        "torch.nn.modules.adaptive": "AdaptiveLogSoftmaxWithLoss",
        "torch.nn.modules.batchnorm": (
            "BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm "
            "_BatchNorm _LazyNormBase _NormBase"
        ),
        "torch.nn.modules.channelshuffle": "ChannelShuffle",
        "torch.nn.modules.container": "Container ModuleDict ModuleList ParameterDict ParameterList Sequential",
        "torch.nn.modules.conv": (
            "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d "
            "LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d _ConvNd _ConvTransposeMixin _ConvTransposeNd"
        ),
        "torch.nn.modules.distance": "CosineSimilarity PairwiseDistance",
        "torch.nn.modules.dropout": (
            "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout _DropoutNd"
        ),
        "torch.nn.modules.flatten": "Flatten Unflatten",
        "torch.nn.modules.fold": "Fold Unfold",
        "torch.nn.modules.instancenorm": (
            "InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d "
            "_InstanceNorm"
        ),
        "torch.nn.modules.linear": (
            "Bilinear Identity LazyLinear Linear NonDynamicallyQuantizableLinear _LinearWithBias"
        ),
        "torch.nn.modules.loss": (
            "BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss "
            "HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss LinearCrossEntropyLoss MSELoss MarginRankingLoss "
            "MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss NLLLoss2d PoissonNLLLoss "
            "SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss _Loss _WeightedLoss"
        ),
        "torch.nn.modules.module": "Module",
        "torch.nn.modules.normalization": "CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
        "torch.nn.modules.padding": (
            "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d "
            "ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d "
            "ZeroPad3d _CircularPadNd _ConstantPadNd _ReflectionPadNd _ReplicationPadNd"
        ),
        "torch.nn.modules.pixelshuffle": "PixelShuffle PixelUnshuffle",
        "torch.nn.modules.pooling": (
            "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d "
            "AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d "
            "LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d _AdaptiveAvgPoolNd "
            "_AdaptiveMaxPoolNd _AvgPoolNd _LPPoolNd _MaxPoolNd _MaxUnpoolNd"
        ),
        "torch.nn.modules.rnn": "GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
        "torch.nn.modules.sparse": "Embedding EmbeddingBag",
        "torch.nn.modules.transformer": (
            "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer"
        ),
        "torch.nn.modules.upsampling": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
        "torch.nn.parameter": "Parameter",
        "torch.storage": "TypedStorage UntypedStorage",
        "ultralytics.nn.modules": (
            "AutoShape Bottleneck BottleneckCSP C1 C2 C2f C3 C3Ghost C3TR C3x CBAM ChannelAttention Classify Concat "
            "Conv ConvTranspose DFL DWConv DWConvTranspose2d Detect Detections Ensemble Focus GhostBottleneck "
            "GhostConv LayerNorm2d MLPBlock Pose Proto SPP SPPF Segment SpatialAttention TransformerBlock "
            "TransformerLayer"
        ),
        "ultralytics.nn.modules.activation": "AGLU",
        "ultralytics.nn.modules.block": (
            "A2C2f AAttn ABlock AConv ADown Attention BNContrastiveHead Bottleneck BottleneckCSP C1 C2 C2PSA C2f "
            "C2fAttn C2fCIB C2fPSA C3 C3Ghost C3TR C3f C3k C3k2 C3x CBFuse CBLinear CIB ContrastiveHead DFL ELAN1 "
            "GhostBottleneck HGBlock HGStem ImagePoolingAttn MaxSigmoidAttnBlock PSA PSABlock Proto Proto26 RealNVP "
            "RepBottleneck RepC3 RepCSP RepNCSPELAN4 RepVGGDW ResNetBlock ResNetLayer Residual SAVPE SCDown SPP "
            "SPPELAN SPPF Silence SwiGLUFFN TorchVision"
        ),
        "ultralytics.nn.modules.conv": (
            "CBAM ChannelAttention Concat Conv Conv2 ConvTranspose DWConv DWConvTranspose2d Focus GhostConv Index "
            "LightConv RepConv SpatialAttention"
        ),
        "ultralytics.nn.modules.head": (
            "Classify Depth Detect LRPCHead OBB OBB26 Pose Pose26 RTDETRDecoder Segment Segment26 SemanticSegment "
            "WorldDetect YOLOEDetect YOLOESegment YOLOESegment26 v10Detect"
        ),
        "ultralytics.nn.modules.transformer": (
            "AIFI DeformableTransformerDecoder DeformableTransformerDecoderLayer LayerNorm2d MLP MLPBlock "
            "MSDeformAttn TransformerBlock TransformerEncoderLayer TransformerLayer"
        ),
        "ultralytics.nn.tasks": (
            "BaseModel ClassificationModel DepthModel DetectionModel Ensemble OBBModel PoseModel RTDETRDetectionModel "
            "SafeClass SafeUnpickler SegmentationModel SemanticSegmentationModel WorldModel YOLOEModel YOLOESegModel "
            "_SafeLoad"
        ),
        "ultralytics.utils": "IterableSimpleNamespace",
        "ultralytics.utils.loss": (
            "BCEDiceLoss BboxLoss DFLoss DepthLoss26 E2EDetectLoss E2ELoss FocalLoss KeypointLoss "
            "MultiChannelDiceLoss PoseLoss26 RLELoss RotatedBboxLoss SegmentLoss26 SemanticSegmentationLoss "
            "TVPDetectLoss TVPSegmentLoss VarifocalLoss v8ClassificationLoss v8DetectionLoss v8OBBLoss v8PoseLoss "
            "v8SegmentationLoss"
        ),
        "ultralytics.utils.tal": (
            "PoseTaskAlignedAssigner RotatedTaskAlignedAssigner SegTaskAlignedAssigner TaskAlignedAssigner"
        ),
        "ultralytics.yolo.utils": "IterableSimpleNamespace",
        "ultralytics.yolo.utils.loss": "BboxLoss KeypointLoss VarifocalLoss",
        "ultralytics.yolo.utils.tal": "TaskAlignedAssigner",
    }.items()
}
"""By module: the names of torch's, NumPy's, Python's and ultralytics' that are found in checkpoints."""


def is_usual(name: Name) -> bool:
    """Whether checkpoints of known hosts name this class or function."""
    if name.name in USUAL.get(name.module, ()):
        return True
    return in_repository(name.module) in HOST_MODULES and (
        has_recipe(name.name) or name.name in MODELS.split() or name.name in ACTIVATIONS.split()
    )


_MADE_BARE = ("torch.nn.modules.", "torch.nn.parameter", "ultralytics.nn.")


def is_made_bare(name: Name) -> bool:
    """Whether it is a class of modules: a checkpoint makes objects of it, and gives its constructor nothing.

    That of a host's model builds what a dict says that it is given, by ``eval``.
    """
    return name.module.startswith(_MADE_BARE) or in_repository(name.module) in HOST_MODULES
